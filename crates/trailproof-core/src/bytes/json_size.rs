//! The size of a JSON document in memory, before it is parsed.
//!
//! Two bytes of JSON, `0,`, become a value of 32 bytes or more. A limit in bytes alone therefore
//! allows a small file to take a large part of the memory.

/// Returns whether JSON text may have more than `most` values: items of arrays and fields of objects.
/// Commas within strings count too, so text that is mostly prose may exceed the limit earlier.
///
/// ```
/// use trailproof_core::bytes::json_size::exceeds_values;
///
/// assert!(exceeds_values(b"[1,2,3]", 2));
/// assert!(!exceeds_values(br#"{"a":[1,2],"b":3}"#, 3));
/// ```
pub fn exceeds_values(json: &[u8], most: usize) -> bool {
    // Each value but the first follows a comma, and takes at least one byte itself.
    json.len() / 2 >= most && memchr::memchr_iter(b',', json).nth(most.saturating_sub(1)).is_some()
}
