import FlowCrypto

/// The name that a job goes by where its key could not stand: the same for every try.
func jobName(of key: String) -> String { String(Digest(of: key.utf8).hexadecimal.prefix(32)) }
