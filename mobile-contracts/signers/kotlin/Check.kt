package com.lendgate.signer

import java.math.BigInteger
import java.security.AlgorithmParameters
import java.security.KeyFactory
import java.security.spec.ECGenParameterSpec
import java.security.spec.ECParameterSpec
import java.security.spec.ECPrivateKeySpec
import java.security.spec.EdECPrivateKeySpec
import java.security.spec.NamedParameterSpec
import java.util.Base64

/**
 * Signs what comes in by lines, for the test that compares signers of all languages. The form of a line is told in
 * python/check.py.
 */
fun main() {
    generateSequence(::readLine).forEach { println(answer(it.split("\t"))) }
}

private fun answer(parts: List<String>): String {
    val (algorithm, secret, keyId, created, nonce) = parts
    val (method, url, content) = parts.drop(5)
    val headers = parts.drop(8).chunked(2).associate { (name, value) -> name to String(decode(value)) }
    val request = Request(method, url, headers, if (content == "-") null else decode(content))
    val parameters = Parameters(created.toLong(), nonce)
    val added = sign(keyOf(algorithm, keyId, decode(secret)), request, parameters)
    val base = signatureBase(request, keyId, parameters).text
    val encoded = Base64.getEncoder().encodeToString(base.toByteArray())
    return listOf(encoded, added["Content-Digest"] ?: "-", added["Signature-Input"], added["Signature"]).joinToString("\t")
}

private fun keyOf(algorithm: String, id: String, secret: ByteArray): Key = when (algorithm) {
    "hmac-sha256" -> Key.hmac(id, secret)
    "ed25519" -> Key.ed25519(id, KeyFactory.getInstance("Ed25519").generatePrivate(EdECPrivateKeySpec(NamedParameterSpec.ED25519, secret)))
    "ecdsa-p256-sha256" -> {
        val curve = AlgorithmParameters.getInstance("EC").apply { init(ECGenParameterSpec("secp256r1")) }
        val spec = ECPrivateKeySpec(BigInteger(1, secret), curve.getParameterSpec(ECParameterSpec::class.java))
        Key.p256(id, KeyFactory.getInstance("EC").generatePrivate(spec))
    }
    else -> throw IllegalArgumentException(algorithm)
}

private fun decode(text: String): ByteArray = Base64.getDecoder().decode(text)
