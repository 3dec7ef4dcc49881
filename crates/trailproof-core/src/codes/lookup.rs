//! The answers of a lookup: whether CloudTrail delivered a file.
use crate::verdict::Verdict;
use strum::{EnumIter, EnumString, IntoStaticStr};

/// The answer for one file.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum LookupAnswer {
    /// A proven digest names the file's content.
    Delivered,
    /// A proven digest names a part of the file's content, and the file does not end there as
    /// CloudTrail ends its files.
    DeliveredInPart,
    /// A proven digest names a file of this very name with different content.
    DeliveredOtherContent,
    /// No digest of the searched period and scope names the file, and all of it was searched.
    NotDelivered,
    /// No proven digest names the file, and not everything could be searched.
    NotProven,
}

impl LookupAnswer {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Returns the verdict that the answer contributes to the verdict of the lookup.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Delivered => Verdict::Proven,
            Self::DeliveredInPart | Self::DeliveredOtherContent => Verdict::Contradicted,
            Self::NotDelivered => Verdict::NothingFound,
            Self::NotProven => Verdict::NotProven,
        }
    }
}

/// What was noticed about a looked-up file. A notice explains an answer and does not change it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum LookupNotice {
    /// The file is a zip archive with one member, which was looked up.
    Zip,
    /// The file is compressed with zstd; its content was looked up.
    Zstd,
    /// The file was compressed with gzip more than once; its innermost content was looked up.
    GzipTwice,
    /// The file is an archive or a compressed file that was not unpacked: it has several members, is
    /// damaged, or exceeds a limit. Unpack it and look up its files.
    NotUnpacked,
    /// The file begins with a UTF-8 byte order mark. Without it, the content is what was delivered.
    ByteOrderMarkAdded,
    /// The file was converted to UTF-16. Converted back, the content is what was delivered.
    ConvertedToUtf16,
    /// The ends of lines were changed to CR LF. Changed back, the content is what was delivered.
    LineEndsChanged,
    /// The file ends in line ends that were added. Without them, the content is what was delivered.
    LineEndAdded,
    /// The line end at the end of the file was removed. With it, the content is what was delivered.
    LineEndRemoved,
    /// White space between the JSON tokens was added. Without it, the content is what was delivered.
    WhiteSpaceAdded,
    /// The file holds CloudTrail records as JSON in a different layout than CloudTrail writes, so
    /// its bytes cannot match.
    Reformatted,
    /// The file holds single CloudTrail records without the document around them, so its bytes
    /// cannot match.
    SingleRecords,
    /// The file has no content.
    Empty,
    /// The file is a digest. `verify` verifies digests and everything that they name.
    Digest,
    /// The file consists of several gzip members, where CloudTrail writes one; they were joined.
    SeveralMembers,
    /// Bytes follow the gzip member. Some readers take them for records.
    LogTrailingData,
    /// The gzip member is cut short or broken.
    LogMalformed,
    /// The content was delivered under a different name.
    DeliveredUnderOtherName,
    /// A file of this name was delivered with different content.
    NameOfOtherContent,
    /// The file is too large to try well-known changes of form.
    FormsNotTried,
}

impl LookupNotice {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// Why a file below a directory was not looked up.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum FileSkipped {
    /// It is a symbolic link, which is not followed.
    SymbolicLink,
    /// It is neither a file nor a directory.
    SpecialFile,
    /// It cannot be read.
    Unreadable,
    /// It exceeds a limit of size.
    OverBudget,
    /// This directory holds more files than are looked up; the remaining ones are skipped.
    TooManyFiles,
}

impl FileSkipped {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}
