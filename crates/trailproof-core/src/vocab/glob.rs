//! Patterns as IAM writes them: `*` for any text and `?` for one character.

/// Whether a pattern counts upper and lower case as different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseRule {
    /// They are different, as in ARNs.
    Counts,
    /// They are the same in ASCII, as in actions.
    Blind,
}

/// Returns whether a pattern matches all of a text. Takes time proportional at most to the product of both
/// lengths.
pub fn glob(pattern: &str, text: &str, case: CaseRule) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let same = |one: u8, other: u8| match case {
        CaseRule::Counts => one == other,
        CaseRule::Blind => one.eq_ignore_ascii_case(&other),
    };
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(from) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, from));
                at += 1;
            }
            Some(letter) if *letter == b'?' || same(*letter, *byte) => {
                at += 1;
                from += 1;
            }
            _ => match star {
                Some((after, taken)) => {
                    at = after;
                    from = taken + 1;
                    star = Some((after, taken + 1));
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_iam() {
        for (pattern, text, expected) in [
            ("kms:GenerateDataKey*", "kms:GenerateDataKey", true),
            ("kms:*", "kms:GenerateDataKey", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*b*", "abc", true),
            ("*b*d", "abc", false),
            ("", "", true),
            ("*", "", true),
            ("", "a", false),
        ] {
            for case in [CaseRule::Counts, CaseRule::Blind] {
                assert_eq!(glob(pattern, text, case), expected, "{pattern} {text}");
            }
        }
        assert!(glob("KMS:generatedatakey", "kms:GenerateDataKey", CaseRule::Blind));
        assert!(!glob("arn:aws:s3:::B", "arn:aws:s3:::b", CaseRule::Counts));
    }
}
