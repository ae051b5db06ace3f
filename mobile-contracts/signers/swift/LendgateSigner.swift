import CryptoKit
import Foundation

/// Signs HTTP requests for lendgate: RFC 9421 with RFC 9530, profile "lendgate-1".
///
/// It needs CryptoKit and nothing else (iOS 13, macOS 10.15 and above). The server checks the bytes of the wire: sign
/// last, and send exactly what was signed. `URLRequest.setValue` must not be followed by any other change.
public enum LendgateSigner {
  /// The tag that keeps signatures for lendgate apart from those made for any other purpose with the same key.
  public static let profileTag = "lendgate-1"

  /// How long a signature is good, in seconds. The server takes at most 120.
  public static let lifetimeSeconds: Int64 = 60

  /// The fields that are signed exactly when the request has them, in the order of the profile.
  private static let signedFields = ["content-digest", "content-type", "authorization", "idempotency-key"]

  public enum Failure: Error {
    case addressIsNotAbsolute
    case fieldCannotBeSigned(String)
  }

  /// A key by its id, and what signs with it: bytes in, signature out.
  public struct Key {
    public let id: String
    public let sign: (Data) throws -> Data

    public init(id: String, sign: @escaping (Data) throws -> Data) {
      self.id = id
      self.sign = sign
    }

    /// A P-256 key in the Secure Enclave, which never shows it.
    public static func secureEnclave(id: String, key: SecureEnclave.P256.Signing.PrivateKey) -> Key {
      Key(id: id) { try key.signature(for: $0).rawRepresentation }  // r and s side by side, as RFC 9421 section 3.3.4 asks
    }

    /// A P-256 key in memory, for simulators and tests.
    public static func p256(id: String, key: P256.Signing.PrivateKey) -> Key {
      Key(id: id) { try key.signature(for: $0).rawRepresentation }
    }

    /// An Ed25519 key. CryptoKit mixes chance into each signature, so two of the same bytes differ; both hold.
    public static func ed25519(id: String, key: Curve25519.Signing.PrivateKey) -> Key {
      Key(id: id) { try key.signature(for: $0) }
    }

    /// A secret that is shared with lendgate, of at least 32 random bytes.
    public static func hmac(id: String, secret: SymmetricKey) -> Key {
      precondition(secret.bitCount >= 256, "the secret is shorter than 32 bytes")
      return Key(id: id) { Data(HMAC<SHA256>.authenticationCode(for: $0, using: secret)) }
    }
  }

  /// A request whose fields are complete. `body` is nil for a GET, and empty for a POST without content.
  public struct Request {
    public var method: String
    public var url: String
    public var headers: [String: String]
    public var body: Data?

    public init(method: String, url: String, headers: [String: String] = [:], body: Data? = nil) {
      self.method = method
      self.url = url
      self.headers = headers
      self.body = body
    }
  }

  /// The fields to set on a request.
  ///
  /// - Parameters:
  ///   - created: the server's time in unix seconds, as well as this device knows it.
  ///   - nonce: at least 128 random bits in base64url, never used twice.
  public static func sign(_ request: Request, key: Key, created: Int64, nonce: String = newNonce()) throws -> [String: String] {
    var added: [String: String] = [:]
    if let body = request.body {
      added["Content-Digest"] = contentDigest(body)
    }
    let (base, input) = try signatureBase(request, keyID: key.id, created: created, nonce: nonce)
    added["Signature-Input"] = "lendgate=\(input)"
    added["Signature"] = "lendgate=:\(try key.sign(Data(base.utf8)).base64EncodedString()):"
    return added
  }

  /// The signature base (RFC 9421 section 2.5) and the signature's own input.
  public static func signatureBase(
    _ request: Request, keyID: String, created: Int64, nonce: String
  ) throws -> (base: String, input: String) {
    let target = try split(request.url)
    var fields: [String: String] = [:]
    for (name, value) in request.headers {
      fields[name.lowercased()] = value.trimmingCharacters(in: CharacterSet(charactersIn: " \t"))
    }
    if let body = request.body {
      fields["content-digest"] = contentDigest(body)
    }
    var components = [
      ("@method", request.method), ("@authority", target.authority), ("@path", target.path), ("@query", target.query),
    ]
    for name in signedFields {
      if let value = fields[name] {
        components.append((name, value))
      }
    }
    for (name, value) in components where !value.utf8.allSatisfy({ (0x20...0x7e).contains($0) || $0 == 0x09 }) {
      throw Failure.fieldCannotBeSigned(name)
    }
    let names = components.map { "\"\($0.0)\"" }.joined(separator: " ")
    let input =
      "(\(names));created=\(created);expires=\(created + lifetimeSeconds)"
      + ";nonce=\"\(nonce)\";keyid=\"\(keyID)\";tag=\"\(profileTag)\""
    let lines = components.map { "\"\($0.0)\": \($0.1)" } + ["\"@signature-params\": \(input)"]
    return (lines.joined(separator: "\n"), input)
  }

  /// The Content-Digest field of a content (RFC 9530).
  public static func contentDigest(_ body: Data) -> String {
    "sha-256=:\(Data(SHA256.hash(data: body)).base64EncodedString()):"
  }

  /// 256 random bits in base64url.
  public static func newNonce() -> String {
    let bits = SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) }
    return bits.base64EncodedString()
      .replacingOccurrences(of: "+", with: "-")
      .replacingOccurrences(of: "/", with: "_")
      .replacingOccurrences(of: "=", with: "")
  }

  /// Nothing is decoded or encoded again: a change of spelling would be a change of what is signed.
  private static func split(_ url: String) throws -> (authority: String, path: String, query: String) {
    let address = url.prefix { $0 != "#" }
    guard let separator = address.range(of: "://") else { throw Failure.addressIsNotAbsolute }
    let scheme = address[..<separator.lowerBound].lowercased()
    guard scheme == "https" || scheme == "http" else { throw Failure.addressIsNotAbsolute }
    let rest = address[separator.upperBound...]
    let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    var authority = rest[..<end].lowercased()
    let defaultPort = scheme == "https" ? ":443" : ":80"
    if authority.hasSuffix(defaultPort) {
      authority.removeLast(defaultPort.count)
    }
    let target = rest[end...]
    let mark = target.firstIndex(of: "?") ?? target.endIndex
    let path = target[..<mark].isEmpty ? "/" : String(target[..<mark])
    return (authority, path, "?" + target[mark...].dropFirst())
  }
}
