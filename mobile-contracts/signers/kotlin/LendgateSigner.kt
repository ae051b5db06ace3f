package com.lendgate.signer

import java.security.MessageDigest
import java.security.PrivateKey
import java.security.SecureRandom
import java.security.Signature
import java.util.Base64
import javax.crypto.Mac
import javax.crypto.spec.SecretKeySpec

/**
 * Signs HTTP requests for lendgate: RFC 9421 with RFC 9530, profile "lendgate-1".
 *
 * It needs java.security and nothing else, so it runs on Android (API level 26 and above) and on any JVM. The
 * server checks the bytes of the wire: sign last, and send exactly what was signed.
 */
const val PROFILE_TAG = "lendgate-1"

/** How long a signature is good. The server takes at most 120 seconds. */
const val LIFETIME_SECONDS = 60L

/** The fields that are signed exactly when the request has them, in the order of the profile. */
private val signedFields = listOf("content-digest", "content-type", "authorization", "idempotency-key")

private const val SCALAR_BYTES = 32

/** A key by its id, and what signs with it: bytes in, signature out. */
class Key(val id: String, val sign: (ByteArray) -> ByteArray) {
    companion object {
        /** A P-256 key, also one in Android Keystore, which never shows it. */
        fun p256(id: String, key: PrivateKey) = Key(id) { base -> rawSignature(signBy("SHA256withECDSA", key, base)) }

        /** An Ed25519 key, for servers (Java 15 and above). */
        fun ed25519(id: String, key: PrivateKey) = Key(id) { base -> signBy("Ed25519", key, base) }

        /** A secret that is shared with lendgate, of at least 32 random bytes. */
        fun hmac(id: String, secret: ByteArray): Key {
            require(secret.size >= 32) { "the secret is shorter than 32 bytes" }
            return Key(id) { base ->
                Mac.getInstance("HmacSHA256").apply { init(SecretKeySpec(secret, "HmacSHA256")) }.doFinal(base)
            }
        }
    }
}

/** A request whose fields are complete. [body] is null for a GET, and empty for a POST without content. */
class Request(val method: String, val url: String, val headers: Map<String, String>, val body: ByteArray? = null)

/** The parameters of a signature. [created] is unix seconds, of the server's clock as well as it is known. */
class Parameters(val created: Long, val nonce: String = newNonce())

/** The signature base (RFC 9421 section 2.5), and the signature's own input. */
class Base(val text: String, val input: String)

/** The fields to set on a request. */
fun sign(key: Key, request: Request, parameters: Parameters): Map<String, String> {
    val added = LinkedHashMap<String, String>()
    request.body?.let { added["Content-Digest"] = contentDigest(it) }
    val base = signatureBase(request, key.id, parameters)
    added["Signature-Input"] = "lendgate=${base.input}"
    added["Signature"] = "lendgate=:${base64(key.sign(base.text.toByteArray(Charsets.US_ASCII)))}:"
    return added
}

/** The base of a request, whose Content-Digest is taken from its body. */
fun signatureBase(request: Request, keyId: String, parameters: Parameters): Base {
    val target = splitTarget(request.url)
    val fields = request.headers.entries.associate { (name, value) -> name.lowercase() to value.trim(' ', '\t') }.toMutableMap()
    if (request.body != null) fields["content-digest"] = contentDigest(request.body)
    val components = mutableListOf(
        "@method" to request.method, "@authority" to target.authority, "@path" to target.path, "@query" to target.query,
    )
    for (name in signedFields) fields[name]?.let { components += name to it }
    for ((name, value) in components) {
        require(value.all { it in ' '..'~' || it == '\t' }) { "$name holds characters that cannot be signed" }
    }
    val names = components.joinToString(" ") { (name, _) -> "\"$name\"" }
    val input = "($names);created=${parameters.created};expires=${parameters.created + LIFETIME_SECONDS}" +
        ";nonce=\"${parameters.nonce}\";keyid=\"$keyId\";tag=\"$PROFILE_TAG\""
    val lines = components.map { (name, value) -> "\"$name\": $value" } + "\"@signature-params\": $input"
    return Base(lines.joinToString("\n"), input)
}

/** The Content-Digest field of a content (RFC 9530). */
fun contentDigest(body: ByteArray): String =
    "sha-256=:${base64(MessageDigest.getInstance("SHA-256").digest(body))}:"

/** 144 random bits in base64url. Never use one twice. */
fun newNonce(): String =
    Base64.getUrlEncoder().withoutPadding().encodeToString(ByteArray(18).also { SecureRandom().nextBytes(it) })

private class Target(val authority: String, val path: String, val query: String)

/** Nothing is decoded or encoded again: a change of spelling would be a change of what is signed. */
private fun splitTarget(url: String): Target {
    val address = url.substringBefore('#')
    val scheme = address.substringBefore("://", "").lowercase()
    require(scheme == "https" || scheme == "http") { "the address is not absolute" }
    val rest = address.substring(scheme.length + "://".length)
    val end = rest.indexOfAny(charArrayOf('/', '?')).let { if (it < 0) rest.length else it }
    val authority = rest.substring(0, end).lowercase().removeSuffix(if (scheme == "https") ":443" else ":80")
    val path = rest.substring(end).substringBefore('?')
    return Target(authority, path.ifEmpty { "/" }, "?" + rest.substring(end).substringAfter('?', ""))
}

private fun signBy(algorithm: String, key: PrivateKey, base: ByteArray): ByteArray =
    Signature.getInstance(algorithm).apply { initSign(key); update(base) }.sign()

/** r and s side by side (RFC 9421 section 3.3.4), out of the ASN.1 that Java and Android give. */
internal fun rawSignature(der: ByteArray): ByteArray {
    val raw = ByteArray(2 * SCALAR_BYTES)
    var at = 2 // after the SEQUENCE and its length, which is below 128
    for (end in listOf(SCALAR_BYTES, 2 * SCALAR_BYTES)) {
        val length = der[at + 1].toInt()
        // A leading zero keeps the number positive; missing ones were zeros.
        val number = der.copyOfRange(at + 2, at + 2 + length).dropWhile { it == 0.toByte() }.toByteArray()
        number.copyInto(raw, end - number.size)
        at += 2 + length
    }
    return raw
}

private fun base64(bytes: ByteArray): String = Base64.getEncoder().encodeToString(bytes)
