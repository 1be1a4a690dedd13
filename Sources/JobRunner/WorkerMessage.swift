/// What passes between the service and its worker.
package enum WorkerMessage {}
