/// What a model's `scheduler/scheduler_config.json` says.
package struct SchedulerConfig: Decodable, Sendable {
    package let className: String?
    package let numTrainTimesteps: Int?
    package let flowShift: Double?
    package let shift: Double?
    package let predictionType: String?
    package let useFlowSigmas: Bool?
    package let solverOrder: Int?
    package let solverType: String?
    package let finalSigmasType: String?

    private enum CodingKeys: String, CodingKey {
        case className = "_class_name"
        case numTrainTimesteps = "num_train_timesteps"
        case flowShift = "flow_shift"
        case shift
        case predictionType = "prediction_type"
        case useFlowSigmas = "use_flow_sigmas"
        case solverOrder = "solver_order"
        case solverType = "solver_type"
        case finalSigmasType = "final_sigmas_type"
    }

    /// The solver that the folder's scheduler is, nil for one that a rectified flow does not know.
    package var kind: SolverKind? {
        switch className {
        case "UniPCMultistepScheduler": .unipc
        case "FlowMatchEulerDiscreteScheduler": .euler
        case "DPMSolverMultistepScheduler": .dpmSolver
        default: nil
        }
    }

    /// The folder's own flow shift.
    package var ownShift: Double { flowShift ?? shift ?? 1 }

    /// The first field whose value asks for something that is not implemented, with the rule that it breaks.
    package var unsupported: (field: String, value: String, rule: String)? {
        guard let kind else {
            return ("_class_name", className ?? "missing", "UniPC, DPMSolver or FlowMatchEuler")
        }
        if let count = numTrainTimesteps, !(1...1_000_000).contains(count) {
            return ("num_train_timesteps", "\(count)", "from 1 to 1000000")
        }
        if !Schedule.shiftRange.contains(ownShift) {
            return (flowShift == nil ? "shift" : "flow_shift", "\(ownShift)", "from 0.01 to 100")
        }
        if kind == .euler { return nil }
        if predictionType != "flow_prediction" {
            return ("prediction_type", predictionType ?? "missing", "flow_prediction")
        }
        if useFlowSigmas != true { return ("use_flow_sigmas", "\(useFlowSigmas ?? false)", "true") }
        if let solverOrder, solverOrder != 2 { return ("solver_order", "\(solverOrder)", "2") }
        if let solverType, !["bh2", "midpoint"].contains(solverType) {
            return ("solver_type", solverType, kind == .unipc ? "bh2" : "midpoint")
        }
        if let finalSigmasType, finalSigmasType != "zero" { return ("final_sigmas_type", finalSigmasType, "zero") }
        return nil
    }
}
