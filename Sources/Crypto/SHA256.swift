/// SHA-256 of bytes, by libcrypto.
package enum SHA256 {}
