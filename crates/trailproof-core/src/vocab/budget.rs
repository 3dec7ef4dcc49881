//! Limits for everything that outside bytes can drive, in one place, each with its origin.
//!
//! Exceeding a budget is a read failure (`over-budget`), never a finding: it means that we stopped
//! looking, not that something is wrong.

/// Inflated bytes of one digest. A real digest has about 400 bytes for each log file; this allows
/// 160,000 log files in an hour, some forty a second, for one account and region.
pub const DIGEST_INFLATED: u64 = 64 << 20;

/// Stored bytes of one digest. Real ones are 0.4 to 4 KB; JSON of this kind compresses 5 to 1.
pub const DIGEST_STORED: u64 = 16 << 20;

/// Bytes of one answer of a service that is not an object. A page of 1,000 keys of 1,024 bytes, each
/// encoded for a URL, takes less than 4 MB.
pub const ANSWER: usize = 8 << 20;

/// Bytes that are read of an error. Errors of AWS have less than 2 KB, pages of proxies less than 20.
pub const ERROR_ANSWER: usize = 64 << 10;

/// Inflated bytes of one log file. The largest real one seen has 0.5 MB; AWS documents a typical
/// size of less than 128 KB. This limits a gzip bomb to about a second of work.
pub const LOG_INFLATED: u64 = 1 << 30;

/// Inflated bytes of a log file that is searched for explaining events, and is therefore held in
/// memory briefly. Many are read at once; the largest real one seen has 0.5 MB.
pub const LOG_SEARCHED: u64 = 8 << 20;

/// Inflated bytes of a log file that is searched for events while no other file of this size is in
/// memory. A log file of one of the busiest accounts has some 50 MB.
pub const LOG_SEARCHED_ALONE: u64 = 96 << 20;

/// Bytes of the events that one log file contributes to a search while other log files wait to be
/// reported before it. Of a file with more, the events are read again in its turn.
pub const EVENTS_WAITING: usize = 128 << 10;

/// Stored bytes of one log file: no content within [`LOG_INFLATED`] takes more.
pub const LOG_STORED: u64 = LOG_INFLATED;

/// Bytes of a gzip header. AWS writes the shortest, 10; the format allows any length for names and
/// comments, which no copier of log files makes longer than a path.
pub const GZIP_HEADER: usize = 8 << 10;

/// Gzip members of one object. A copier that writes blocks of 64 KB turns the largest content that
/// is read into 16,000.
pub const MEMBERS: u64 = 20_000;

/// Log files that one digest may name. Follows from [`DIGEST_INFLATED`] and is checked separately,
/// because an entry in memory is larger than the shortest entry in JSON.
pub const LOG_FILES: usize = 200_000;

/// Steps of one walk. A century of hourly digests has 876,000.
pub const WALK_STEPS: u64 = 4_000_000;

/// Bytes of an object key: S3's own limit.
pub const KEY_LENGTH: usize = 1_024;

/// Bytes of a bucket name. S3 allows 63; buckets of us-east-1 from before 2018 have up to 255.
pub const BUCKET_LENGTH: usize = 255;

/// Characters of a time as a digest spells it. Real ones have 20.
pub const TIME: usize = 40;

/// Hexadecimal digits of a signature by the largest accepted key, of 8192 bits.
pub const SIGNATURE: usize = 2_048;

/// Keys that one chain's listing may hold: a century of hourly standard and backfill digests, and
/// the same number again that belong to others.
pub const LISTED_DIGESTS: usize = 4_000_000;

/// Folders directly below one folder. An organization may have ten thousand accounts.
pub const FOLDERS: usize = 100_000;

/// Folders that are searched for `AWSLogs`. At 30 ms a listing and 256 at once, this takes half a
/// minute; for a bucket with more folders beside the evidence, the user gives its prefix.
pub const SEARCHED_FOLDERS: usize = 200_000;

/// Maximum number of chains that are expected and have no digest in the bucket. A trail that is new in
/// a region of 10,000 accounts has half as many.
pub const ABSENT_CHAINS: usize = 20_000;

/// Pages of one listing or of ListPublicKeys. S3 returns 1,000 keys a page, so this allows twenty
/// million keys; for a store whose listing never ends, it takes ten minutes at 30 ms a page.
pub const PAGES: usize = 20_000;

/// Versions of one key that are read. CloudTrail writes one; a script that overwrites an object
/// once a second for a day makes 86,400.
pub const VERSIONS_OF_KEY: usize = 100_000;

/// Versions of one key that are tried, oldest first, where the oldest does not prove, and a tenth of
/// those that are tried in a run. An attacker can plant a digest before CloudTrail writes it, as often
/// as a script can write in an hour: that is 10,000 times at three writes a second. At 30 ms a read,
/// 32 at once, they take ten seconds.
pub const VERSIONS_TRIED: usize = 10_000;

/// Bytes, as stored and once more as inflated, that a version which is tried has on average: a hundred
/// times as many as a digest, and as a usual log file.
pub const VERSION_TRIED_BYTES: u64 = 1 << 20;

/// Objects that no digest names and that are reported one by one, in one folder and in a run. A
/// real bucket has none; an attacker who writes this many must not fill our memory.
pub const UNLISTED: usize = 100_000;

/// Objects in one folder that no digest names and that are read to see whether they are copies. A
/// copied day of a busy account has several thousand.
pub const COPIES_READ: usize = 10_000;

/// Folders at one level that are not a region, year, month or day and are searched nevertheless. A
/// real bucket has none.
pub const ODD_FOLDERS: usize = 1_000;

/// Bytes of the ARN of a caller: the maximum that STS documents.
pub const CALLER: usize = 2_048;

/// DER bytes of one public key. RSA-8192, the largest that is accepted, takes about 1,050.
pub const PUBLIC_KEY: usize = 4_096;

/// Bytes of a file with public keys. The 1,594 real keys of 17 regions and five years take 0.8 MB.
pub const KEY_BUNDLE: u64 = 64 << 20;

/// Keys in such a file: 40 regions have 77,000 in a century.
pub const PUBLIC_KEYS: usize = 100_000;

/// Bytes of a record's line about a single fact: two keys of a kilobyte and a service's message,
/// all escaped as JSON, take far less.
pub const RECORD_FACT: usize = 128 << 10;

/// JSON values on such a line. The longest have some 60 fields; accepted exceptions have
/// [`EXCEPTIONS`] numbers.
pub const RECORD_FACT_VALUES: usize = 4_000;

/// Bytes of one line of a run record. The longest lines hold the coverage of a chain; this allows
/// 600,000 segments, more than a chain can have in less than 30 years of one-hour stretches.
pub const RECORD_LINE: usize = 64 << 20;

/// JSON values on one line of a run record: the coverage of a chain with 300,000 segments, which
/// takes 17 years of one-hour stretches of which no two are alike.
pub const RECORD_LINE_VALUES: usize = 1_000_000;

/// Bytes of a bucket, key, folder or trail that a run record names. A key of S3 has at most
/// [`KEY_LENGTH`]; a file in a directory has a path of at most 4,096.
pub const RECORD_NAME: usize = 4_096;

/// Chains of one run record. The largest organization, 10,000 accounts in 17 regions, has 170,000 for
/// each of its trails.
pub const RECORD_CHAINS: usize = 600_000;

/// Segments of coverage of all chains of one run record. This many are a month of single hours in
/// each of 8,500 chains.
pub const RECORD_SEGMENTS: usize = 8_000_000;

/// Places that one run record reports as named or expected and not found. A file that expects 10,000
/// accounts in 17 regions names 170,000.
pub const RECORD_ABSENT: usize = 200_000;

/// Characters of a fingerprint. AWS's have 32; this leaves room for a longer hash in the future.
pub const FINGERPRINT: usize = 256;

/// Characters of an account's name that are kept and shown. Organizations allows 50.
pub const ACCOUNT_NAME: usize = 64;

/// Characters of a value from outside that a message shows.
pub const SHOWN: usize = 200;

/// Bytes of an object that one PutObject creates: S3's own limit.
pub const CREATED_OBJECT: u64 = 5 << 30;

/// Shard records in one folder of S3. A plan of the largest organization has 170,000 places, and each may
/// be recorded several times.
pub const SHARD_RECORDS: usize = 1_000_000;

/// Bytes of a read failure's detail that are kept. Errors from S3 and CloudTrail take less than 2
/// KB.
pub const DETAIL: usize = 8 << 10;

/// Bytes of the ARN of a KMS key that are kept: the maximum that KMS documents for a key id.
pub const KMS_KEY: usize = 2_048;

/// Bytes of an ETag, a version id, or a request id that are kept. Those of S3 have 32 to 100.
pub const STORE_NAME: usize = 1_024;

/// Characters of a read failure's detail that a message shows. An S3 error names the caller and the
/// object, whose key alone may have 1,024; its meaning comes at the end.
pub const SHOWN_FAILURE: usize = 1_800;

/// Bytes of an attestation, an inclusion proof or a Sigstore bundle. With every public key of a
/// quarter and the maximum number of listed exceptions, an attestation takes some 2 MB.
pub const ATTESTATION: u64 = 32 << 20;

/// JSON values of an attestation, an inclusion proof, or a document or result of a package. With the
/// maximum number of public keys and listed exceptions, an attestation has some 250,000; each takes some
/// 100 bytes of memory.
pub const JSON_VALUES: usize = 1_000_000;

/// Bytes of the lines of a record that an attestation states: as many as an attestation may have.
pub const ATTESTED_LINES: u64 = ATTESTATION;

/// Signatures of one envelope that are tried: DSSE allows several, and real envelopes have few.
pub const SIGNATURES: usize = 16;

/// Bytes of a PEM file with a user's own key. One takes 250.
pub const KEY_FILE: u64 = 64 << 10;

/// Bytes of a time-stamp response. With its certificate chain, one takes 3 to 8 KB.
pub const TIMESTAMP: u64 = 1 << 20;

/// Exceptions, and gaps, that an attestation lists; the others are counted, and are in the record.
pub const ATTESTED: usize = 1_000;

/// Explaining events that an attestation lists over all of its gaps; one event may explain many.
pub const ATTESTED_EVENTS: usize = 10_000;

/// Public keys that an attestation holds. The 1,594 real keys of 17 regions and five years are less
/// than a tenth of this.
pub const ATTESTED_KEYS: usize = 20_000;

/// Lines about one object that an inclusion proof holds. A log file is named by one digest, or by
/// two if a backfill digest names it again.
pub const PLACES: usize = 16;

/// Inflated bytes of a looked-up file that are held in memory to unpack it and to try well-known
/// changes of form. The largest real log file seen has 0.5 MB. A larger file is hashed as it is.
pub const LOOKUP_HELD: u64 = 64 << 20;

/// Files below directories that one lookup reads. A busy account has 3,000 log files a day.
pub const LOOKUP_FILES: usize = 100_000;

/// Containers of a looked-up file that are unpacked, one inside the other: a zip archive of a
/// zstd file of a gzip file has three.
pub const LOOKUP_CONTAINERS: usize = 3;

/// Bytes of one line of a mirror's custody log. An entry has some 1 KB; one of a run that names the
/// 10,000 accounts of an organization has 160 KB.
pub const CUSTODY_LINE: usize = 1 << 20;

/// Files that a check of a mirror lists as damaged, missing or extra; the others are counted. A disk
/// that failed may have lost every file.
pub const FIXITY_FAULTS: usize = 10_000;
/// Bytes of one line of a server access log. A key of 1,024 bytes, encoded twice, takes 9 KB, and
/// appears twice.
pub const ACCESS_LINE: usize = 64 << 10;

/// Lines of server access logs about the evidence that an investigation keeps. Deleting three
/// months of a log file and a digest a minute takes as many.
pub const ACCESS_LINES: usize = 200_000;

/// Events that one investigation keeps, and objects that it names. A case with more is a case whose
/// first ones are enough.
pub const CASE_EVENTS: usize = 10_000;

/// Bytes of the events that one investigation keeps, of each of two kinds: those that may be deeds, and
/// all others. The files of a case take several times as much, one after the other.
pub const CASE_EVENT_BYTES: usize = 32 << 20;

/// Folders whose oldest object an investigation knows. Three months of ten accounts in 17 regions have
/// 30,000, one for each day, of log files and of digests.
pub const CASE_FOLDERS: usize = 200_000;

/// Affected objects that one investigation judges one by one.
pub const CASE_OBJECTS: usize = 100_000;
/// Bytes of a policy that is evaluated. AWS allows 20 KB for a bucket and 32 KB for a key.
pub const POLICY: usize = 64 << 10;

/// Bytes of a Terraform plan or state, a CloudFormation template, or a file of `--evidence`. A plan of a
/// large estate has some 50 MB.
pub const CONFIG_FILE: u64 = 256 << 20;

/// Bytes of one answer of AWS that is kept as it was received. A bucket's lifecycle configuration, of up
/// to 1,000 rules, is the longest and takes less than 1 MB.
pub const ANSWER_KEPT: usize = 8 << 20;

/// Settings of one kind that a configuration may hold: lifecycle rules, selectors, grants. S3 allows 1,000
/// rules of lifecycle and of replication, and fewer of the others.
pub const CONFIG_RULES: usize = 1_000;

/// Trails that one configuration may hold. An account may have five in a region.
pub const CONFIG_TRAILS: usize = 1_000;
/// Bytes of a file of accepted exceptions. Each entry takes some 400.
pub const EXCEPTIONS_FILE: u64 = 4 << 20;

/// Exceptions of one file. A list that nobody can review any more is not one of reviewed exceptions.
pub const EXCEPTIONS: usize = 1_000;

/// Characters of the reason of an accepted exception: a paragraph.
pub const EXCEPTION_REASON: usize = 1_000;

/// Characters of the name of whoever approved an exception.
pub const EXCEPTION_APPROVER: usize = 200;

/// Bytes of a `package.toml`. An entry takes some 300.
pub const PACKAGE_FILE: u64 = 1 << 20;

/// Attachments, and pointers, of one package. An auditor opens each of them.
pub const PACKAGE_ATTACHMENTS: usize = 1_000;

/// Characters of a text in a `package.toml`: a paragraph.
pub const PACKAGE_TEXT: usize = 1_000;

/// Files of one package that are looked at. Its own are some 20, and two for each result and attachment.
pub const PACKAGE_FILES: usize = 10_000;

/// Folders inside each other of a package that are looked at. Its own are two.
pub const PACKAGE_DEPTH: usize = 8;

/// Bytes of a manifest of a package, of its document and of its other small files. The document has some
/// 500 bytes for each check of each trail.
pub const PACKAGE_DOCUMENT: u64 = 64 << 20;

/// Bytes of a line of a manifest. A hash and the longest name that is written take less than 200.
pub const PACKAGE_LINE: usize = 1_024;

/// Faults of a package that are listed; the others are counted.
pub const PACKAGE_FAULTS: usize = 1_000;

/// Bytes of `latest.json` in the state of `watch`. What it lists is bounded by [`ALERTS_REPORTED`].
pub const LATEST_BYTES: u64 = 4 << 20;

/// Objections, and chains, that `latest.json` lists as reported. An organization of 500 accounts with 17
/// regions each has 8,500 chains.
pub const ALERTS_REPORTED: usize = 10_000;

/// Stored bytes of the records of a chain that each step of `watch` hashes again, from the newest back.
/// An hour of one account with 17 regions takes some 15 KB, so this is about two years.
pub const STATE_HASHED: u64 = 256 << 20;

/// Records of a chain in S3 that each step of `watch` fetches and hashes again, beside the newest. A hundred
/// hourly steps are four days, and their requests cost less than those of the step itself.
pub const STATE_FETCHED: usize = 100;

/// Bytes of one event of Event history. CloudTrail's own limit of an event is 256 KB.
pub const HISTORY_EVENT: usize = 512 << 10;

/// Events of Event history that one investigation keeps.
pub const HISTORY_EVENTS: usize = 10_000;

/// Pages of Event history that are read of one name, region and stretch of time, at 50 events each.
pub const HISTORY_PAGES: usize = 1_000;

/// Requests to Event history of one investigation. At two a second, they take half an hour.
pub const HISTORY_REQUESTS: usize = 3_600;

/// Ids of verified events against which events of Event history are held. Beyond, nothing is called
/// missing.
pub const HISTORY_IDS: usize = 2_000_000;

/// Log files that one investigation compares with their proven versions, or whose events it lists
/// although nothing proves them. Whoever rewrites more of them shows in the first ones what for.
pub const DIFF_FILES: usize = 1_000;

/// Events that one comparison of a log file lists; all of them count.
pub const DIFF_EVENTS: usize = 1_000;

/// Fields that are listed of an event that was changed.
pub const DIFF_FIELDS: usize = 64;

/// Bytes of a field's pointer, and of each of its values, that are listed.
pub const DIFF_VALUE: usize = 1_024;

/// Bytes of all events that the comparisons of one case list, and as many of the events of log files
/// that nothing proves.
pub const DIFF_BYTES: usize = 16 << 20;
