import Dispatch
import FlowClient
import FlowCrypto
import FlowNodes
import FlowRuntime
import FlowServer
import FlowStorePostgres
import Synchronization

/// The membership of this process in the nodes of a store: it finds the owner, and records itself for the others.
struct NodeMembership: Sendable {
  /// The interval in which a standby tries to claim the store, in milliseconds.
  static let claimMilliseconds: Int64 = 500

  let lease: PostgresLease
  let handler: NodeHandler
  let log: Log
  /// The secret by which nodes recognize each other's requests.
  let secret: [UInt8]

  /// Records this process, with its present role. A failure has no effect on the store.
  func register() {
    do throws(StoreError) {
      try lease.register(role: handler.role.rawValue, version: FlowCommandLine.version)
    } catch {
      log.write(.debug, "the node was not recorded: \(error.message)")
    }
  }

  /// - Returns: The URL of the owner, if the store has one.
  func findOwner() throws(StoreError) -> String? {
    let holder = try lease.holder()
    let owner = holder.flatMap { $0.isAlive && $0.node != lease.node ? $0.address : nil }
    handler.setOwner(owner)
    return owner
  }

  /// The node to which the store is handed; nil without another node.
  func successor() -> NodeRow? {
    do throws(StoreError) {
      return try lease.successor()
    } catch {
      log.write(.warn, "no successor was found: \(error.message)")
      return nil
    }
  }

  /// Ends the lease in favour of another node, and asks it to claim the store.
  func release(to successor: NodeRow?) {
    do throws(StoreError) {
      try lease.release(to: successor?.id ?? "")
    } catch {
      return log.write(.warn, "the lease was not released, and ends by itself: \(error.message)")
    }
    guard let successor else { return }
    DispatchQueue.global().async { [self] in notify(successor) }
  }

  /// Asks a node to claim the store. It may be suspended, so that nothing waits for its response.
  private func notify(_ successor: NodeRow) {
    let hop = Hop(client: "").value(method: "POST", target: NodeHandler.claimPath, secret: secret)
    let client = Client(base: successor.address, key: nil, usesProxy: false)
    do throws(Client.Unreachable) {
      _ = try client.send("POST", to: NodeHandler.claimPath, headers: ["\(Hop.header): \(hop)"])
    } catch {
      log.write(.warn, "the successor was not notified, and claims the store by itself: \(error.message)")
    }
  }

  /// Removes the record of this process.
  func leave() {
    do throws(StoreError) {
      try lease.unregister()
    } catch {
      log.write(.debug, "the record of the node was not removed: \(error.message)")
    }
  }
}

/// The secret of the nodes of one store.
struct NodeSecret {
  let bytes: [UInt8]

  /// Joins the nodes of a store.
  /// - Parameter keyPath: The file with the cluster key; nil for none.
  /// - Throws: `.unusable` for a file that can't be used, or another key than that of the other nodes.
  init(_ database: PostgresDatabase, keyPath: String?) throws(StoreError) {
    var key: [UInt8] = []
    if let keyPath {
      guard let text = readFile(keyPath) else { throw .unusable("cannot read `\(keyPath)`") }
      key = Array(String(decoding: text, as: UTF8.self).filter { !$0.isWhitespace }.utf8)
      guard key.count >= NodeSecret.minimumBytes else {
        throw .unusable("`\(keyPath)` must have at least \(NodeSecret.minimumBytes) characters")
      }
    }
    let fingerprint = key.isEmpty ? "" : Digest(of: Array("flow cluster ".utf8) + key).hexadecimal
    let proposal = Digest(of: randomBytes(32) ?? []).hexadecimal
    let stored = try database.join(cluster: fingerprint, proposal: proposal)
    // Neither the database nor the file is sufficient to forge a request of a node.
    bytes = hmac(of: Array(stored.utf8), secret: Array("flow node ".utf8) + key)
  }

  private static let minimumBytes = 16
}
