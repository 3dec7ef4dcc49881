//! Allowances for everything that outside bytes can drive, in one place, each with its origin.
//!
//! A budget that is hit is a read failure (`over-budget`), never a finding: it says that we stopped
//! looking, not that something is wrong.

/// Inflated bytes of one digest. A real one has about 400 bytes a log file; this allows 160,000
/// log files in an hour, some forty a second, for one account and region.
pub const DIGEST_INFLATED: u64 = 64 << 20;

/// Stored bytes of one digest. Real ones are 0.4 to 4 KB; JSON of this kind compresses 5 to 1.
pub const DIGEST_STORED: u64 = 16 << 20;

/// Inflated bytes of one log file. The largest real one seen has 0.5 MB; AWS speaks of files of
/// typically less than 128 KB. This keeps a gzip bomb to about a second of work.
pub const LOG_INFLATED: u64 = 1 << 30;

/// Inflated bytes of a log file that is searched for explaining events, and so kept for a moment.
/// Many are read at once; the largest real one seen has 0.5 MB.
pub const LOG_SEARCHED: u64 = 8 << 20;

/// Stored bytes of one log file: no content of [`LOG_INFLATED`] takes more.
pub const LOG_STORED: u64 = LOG_INFLATED;

/// Bytes of a gzip header. AWS writes the shortest, 10; the format allows any length for names and
/// comments, which nobody who copies log files makes longer than a path.
pub const GZIP_HEADER: usize = 8 << 10;

/// Gzip members of one object. A copier that writes blocks of 64 KB makes 16,000 of the largest
/// content that is read.
pub const MEMBERS: u64 = 20_000;

/// Log files that one digest may name; follows from [`DIGEST_INFLATED`] and is checked apart, as
/// an entry in memory is larger than the shortest entry in JSON.
pub const LOG_FILES: usize = 200_000;

/// Steps of one walk. A century of hourly digests has 876,000.
pub const WALK_STEPS: u64 = 4_000_000;

/// Bytes of an object key. S3's own limit.
pub const KEY_LENGTH: usize = 1_024;

/// Bytes of a bucket name. S3 allows 63; buckets of us-east-1 from before 2018 have up to 255.
pub const BUCKET_LENGTH: usize = 255;

/// Characters of a time as a digest spells it. Real ones have 20.
pub const TIME: usize = 40;

/// Hexadecimal digits of a signature by the largest key that is used, of 8192 bits.
pub const SIGNATURE: usize = 2_048;

/// Keys that one chain's listing may hold: a century of hourly standard and backfill digests, and
/// as many again that are not its own.
pub const LISTED_DIGESTS: usize = 4_000_000;

/// Folders right below one folder. An organization may have ten thousand accounts.
pub const FOLDERS: usize = 100_000;

/// Folders that are looked into in search of `AWSLogs`. At 30 ms a listing and 256 at once, they take
/// half a minute; a bucket that holds more beside the evidence is named with its prefix.
pub const SEARCHED_FOLDERS: usize = 200_000;

/// Chains that are expected because their trail goes on in other accounts and regions. Ten thousand
/// accounts in 40 regions are 400,000.
pub const EXPECTED_CHAINS: usize = 1_000_000;

/// Pages of one listing or of ListPublicKeys. S3 gives 1,000 keys a page, so that these are twenty
/// million keys; a store that lists for ever takes ten minutes for them at 30 ms a page.
pub const PAGES: usize = 20_000;

/// Objects that no digest names and that are reported one by one, in one folder and in a run. A real
/// bucket has none; anyone who wrote this many into it must not fill our memory.
pub const UNLISTED: usize = 100_000;

/// Objects of one folder that no digest names and that are read to see whether they are copies. A
/// copied day of a busy account has some thousands.
pub const COPIES_READ: usize = 10_000;

/// Folders at one level that are not a region's, year's, month's or day's and that are searched. A
/// real bucket has none.
pub const ODD_FOLDERS: usize = 1_000;

/// Bytes of the ARN of a caller: the longest that STS describes.
pub const CALLER: usize = 2_048;

/// DER bytes of one public key. RSA-8192, the largest that is accepted, takes about 1,050.
pub const PUBLIC_KEY: usize = 4_096;

/// Bytes of a file with public keys. The 1,594 real keys of 17 regions and five years take 0.8 MB.
pub const KEY_BUNDLE: u64 = 64 << 20;

/// Keys in such a file: 40 regions for a century take 77,000.
pub const PUBLIC_KEYS: usize = 100_000;

/// Bytes of a record's line about one thing: two keys of a kilobyte, a service's words, and all of
/// it escaped as JSON, are far below that.
pub const RECORD_FACT: usize = 256 << 10;

/// Bytes of one line of a run record. The longest lines tell the coverage of a chain; this allows
/// 600,000 segments, which no chain has that covers less than 30 years in stretches of an hour.
pub const RECORD_LINE: usize = 64 << 20;

/// Characters of a fingerprint. AWS's have 32; this allows for a longer hash one day.
pub const FINGERPRINT: usize = 256;

/// Characters of a value from outside that a message shows.
pub const SHOWN: usize = 200;

/// Bytes of a read failure's detail that are kept. S3 and CloudTrail refuse in less than 2 KB.
pub const DETAIL: usize = 8 << 10;

/// Bytes of an ETag, a version id, or a request id that are kept. S3's have 32 to 100.
pub const STORE_NAME: usize = 1_024;

/// Characters of a read failure's detail that a message shows. A refusal of S3 names the caller and the
/// object, whose key alone may have 1,024; what it means stands at its end.
pub const SHOWN_FAILURE: usize = 1_800;

/// Bytes of an attestation, an inclusion proof or a Sigstore bundle. With every public key of a
/// quarter and all the exceptions that are listed, an attestation takes some 2 MB.
pub const ATTESTATION: u64 = 32 << 20;

/// Signatures of one envelope that are tried: DSSE allows several, and nobody has many signers.
pub const SIGNATURES: usize = 16;

/// Bytes of a PEM file with a key of our own. One takes 250.
pub const KEY_FILE: u64 = 64 << 10;

/// Bytes of a time-stamp response. With its chain of certificates one takes 3 to 8 KB.
pub const TIMESTAMP: u64 = 1 << 20;

/// Exceptions, and gaps, that an attestation lists; the others are counted, and stand in the record.
pub const ATTESTED: usize = 1_000;

/// Explaining events that an attestation lists over all of its gaps; one event may explain many.
pub const ATTESTED_EVENTS: usize = 10_000;

/// Public keys that an attestation holds. The 1,594 real keys of 17 regions and five years are a
/// tenth of them.
pub const ATTESTED_KEYS: usize = 20_000;

/// Lines of one object that an inclusion proof holds. A log file is named by one digest, or by two
/// where a backfill names it again.
pub const PLACES: usize = 16;
