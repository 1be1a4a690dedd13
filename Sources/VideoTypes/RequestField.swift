/// A part of a request as every surface has it: its names, what it may be, and where it is kept.
///
/// Options of the command, parameters of the API, fields of JSON, what is sent to other servers and what is refused all
/// come from here.
package struct RequestField: Sendable {
    package let term: Term
    package let part: Part
    /// On the command line, without its dashes; nil where that has no such option.
    package let option: String?
    package let parameter: Parameter?
    /// Other names that people try, as the API would write them.
    package let otherNames: [String]
    package let value: Value
    /// What it is, in a few words.
    package let help: String
    /// As it stands in settings; nil where it becomes another field there.
    package let setting: (@Sendable (VideoSettings) -> JSONText)?

    /// Which part of the settings it goes to.
    package enum Part: Sendable {
        case prompts
        case clip
        case sampling
        case decoding
        case inputs
        /// Not of the clip, but of the bargain.
        case terms
    }

    /// A name in the API, and who else has it.
    package struct Parameter: Sendable {
        package let name: String
        package let dialect: Dialect
    }

    /// Which servers know a parameter.
    package enum Dialect: Int, Sendable {
        /// All that speak OpenAI's API.
        case standard
        /// SGLang and vLLM-Omni too.
        case shared
        /// Ours alone.
        case own
    }

    package typealias Path<Value> = WritableKeyPath<VideoRequest, Value> & Sendable

    /// What a field may be, and where a request keeps it.
    package enum Value: Sendable {
        case text(any Path<String?>)
        case integer(any Path<Int?>, ClosedRange<Int>)
        case number(any Path<Double?>, ClosedRange<Double>)
        /// A list of numbers.
        case numbers(any Path<[Double]?>)
        /// Any number of 64 bits.
        case seed(any Path<UInt64?>)
        case flag(any Path<Bool>)
        case word(Word)
        /// Texts that stand for one value each.
        case words(Word)
        /// Each surface reads it in a way of its own.
        case special
    }

    /// A text that stands for a value.
    package struct Word: Sendable {
        /// All there are, where they can be listed.
        package let choices: [String]
        /// What it must be, behind "must be".
        package let rule: String
        /// Puts what the text stands for into a request; false where it stands for nothing.
        package let read: @Sendable (_ text: String, _ request: inout VideoRequest) -> Bool
        /// As a request has it; nil where it has none.
        package let text: @Sendable (VideoRequest) -> String?
        /// Takes out of a request what it has.
        package let clear: @Sendable (inout VideoRequest) -> Void
        /// What parts several in one text; nil where each stands alone.
        package let separator: Character?

        init(
            choices: [String] = [], rule: String, separator: Character? = ",",
            read: @escaping @Sendable (String, inout VideoRequest) -> Bool,
            text: @escaping @Sendable (VideoRequest) -> String?,
            clear: @escaping @Sendable (inout VideoRequest) -> Void = { _ in }
        ) {
            self.choices = choices
            self.rule = rule
            self.separator = separator
            self.read = read
            self.text = text
            self.clear = clear
        }
    }

    package init(
        _ term: Term, _ part: Part, _ value: Value, option: String? = nil, parameter: String? = nil,
        spokenBy dialect: Dialect = .shared, also otherNames: [String] = [], help: String = "",
        setting: (@Sendable (VideoSettings) -> JSONText)? = nil
    ) {
        self.term = term
        self.part = part
        self.option = option
        self.parameter = parameter.map { Parameter(name: $0, dialect: dialect) }
        self.otherNames = otherNames
        self.value = value
        self.help = help
        self.setting = setting
    }

    /// nil for a term that no request has.
    package static subscript(_ term: Term) -> RequestField? { all.first { $0.term == term } }

    /// Among the settings of a result.
    package var jsonName: String { (option ?? parameter?.name ?? term.rawValue).replacing("-", with: "_") }
}
