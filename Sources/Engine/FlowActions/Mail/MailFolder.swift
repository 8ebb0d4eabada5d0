import Dispatch
import FlowJSON
import FlowRuntime
import Foundation

/// Writes mail to the files of a folder in place of sending it, for development.
final class MailFolder: Sendable {
  /// The sender of mail that names none.
  static let defaultSender = "flow@localhost.localdomain"

  private let folder: String
  private let sender: String
  private let queue = DispatchQueue(label: "flow.mail-folder")

  init(folder: String, sender: String?) {
    self.folder = folder
    self.sender = sender ?? MailFolder.defaultSender
  }

  /// Writes the mail of a job to `NAME.eml`; every attempt of the job writes the same file.
  /// - Parameter given: The settings of the action.
  func write(_ given: JSON, of request: JobRequest, _ finish: @escaping @Sendable (JobOutcome) -> Void) {
    queue.async { [folder, sender] in
      do throws(RequestProblem) {
        let message = try MailMessage(given, sender: sender, key: request.idempotencyKey)
        let file = "\(folder)/\(jobName(of: request.idempotencyKey)).eml"
        let bytes = Data(message.bytes(at: Int64(Date().timeIntervalSince1970)))
        guard (try? bytes.write(to: URL(filePath: file), options: .atomic)) != nil else {
          return finish(.unreachable("the mail can't be written to `\(folder)`"))
        }
        finish(.done(.string(message.identifier)))
      } catch {
        finish(.impossible(code: "BAD_REQUEST", message: error.message))
      }
    }
  }
}
