//! Locations of evidence, as typed on the command line.
use crate::console::refusal::Refusal;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::path::PathBuf;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::ids::{AccountId, OrganizationId, Region, TrailArn};
use trailproof_core::vocab::key_layout::ROOT;
use trailproof_core::vocab::location::{excerpt, shell_word};

/// A bucket with a prefix, or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// `s3://BUCKET[/PREFIX]`: bucket and prefix. The prefix does not end in a slash.
    Bucket(String, String),
    /// A directory.
    Directory(PathBuf),
}

/// The location of a bucket's evidence.
#[derive(Debug)]
pub(crate) struct BucketLocation {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    /// Whether the prefix itself is a root, so that no search for roots is needed.
    pub(crate) is_root: bool,
}

/// What a location names below a folder `AWSLogs`, which narrows the scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LocationScope {
    /// The organization's folder; `None` if an account's folder follows directly.
    pub(crate) organization: Option<OrganizationId>,
    pub(crate) account: Option<AccountId>,
    pub(crate) region: Option<Region>,
}

impl LocationScope {
    /// Parses what follows `AWSLogs` in a location.
    pub(crate) fn parse(below: &str) -> Option<Self> {
        let parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
        within(below, &parts).ok().flatten()
    }
}

impl fmt::Display for LocationScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let organization = self.organization.as_ref().map(ToString::to_string);
        let account = self.account.as_ref().map(ToString::to_string);
        let region = self.region.as_ref().map(|region| format!("CloudTrail/{region}"));
        let parts: Vec<String> = [organization, account, region].into_iter().flatten().collect();
        f.write_str(&parts.join("/"))
    }
}

/// Parses a location: a bucket if it begins with `s3://`, otherwise an existing directory. The
/// prefix ends before the last folder `AWSLogs` in it. What follows that folder is returned beside
/// the place.
pub(crate) fn location(text: &str) -> Result<(Location, Option<LocationScope>), Refusal> {
    let (bucket, prefix) = match place(text)? {
        Location::Bucket(bucket, prefix) => (bucket, prefix),
        directory @ Location::Directory(_) => return Ok((directory, None)),
    };
    let folders: Vec<&str> = prefix.split('/').collect();
    let Some(root) = folders.iter().rposition(|folder| *folder == ROOT) else {
        return Ok((Location::Bucket(bucket, prefix), None));
    };
    let (above, below) = folders.split_at(root);
    let below = below.get(1..).unwrap_or_default();
    Ok(match within(text, below)? {
        Some(within) => (Location::Bucket(bucket, above.join("/")), Some(within)),
        // A trail's prefix may begin with `AWSLogs`.
        None => (Location::Bucket(bucket, prefix), None),
    })
}

/// Parses what follows `AWSLogs`; `None` if it begins with neither an organization nor an account.
fn within(text: &str, below: &[&str]) -> Result<Option<LocationScope>, Refusal> {
    let mut within = LocationScope::default();
    let mut below = below.iter().copied().peekable();
    let Some(first) = below.peek() else { return Ok(Some(within)) };
    if let Ok(organization) = first.parse() {
        within.organization = Some(organization);
        below.next();
    }
    let Some(account) = below.next() else { return Ok(Some(within)) };
    match account.parse() {
        Ok(account) => within.account = Some(account),
        Err(_) if within.organization.is_none() => return Ok(None),
        Err(_) => return Err(below_awslogs(text, account, "an account")),
    }
    if let Some(service) = below.next() {
        let is_ours =
            service.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("cloudtrail"));
        if !is_ours {
            return Err(below_awslogs(text, service, "a folder of CloudTrail"));
        }
    }
    if let Some(region) = below.next() {
        within.region = Some(region.parse().map_err(|_| below_awslogs(text, region, "a region"))?);
    }
    if below.next().is_some() {
        return Err(Refusal::usage(format!(
            "`{}` names a day\n\nhint: end the location at the region, and give the period with \
             `--start-time` and `--end-time`",
            excerpt(text, SHOWN)
        )));
    }
    Ok(Some(within))
}

fn below_awslogs(text: &str, part: &str, expected: &str) -> Refusal {
    Refusal::usage(format!(
        "cannot read `{}` as a location: `{}` is not {expected}\n\nhint: below `{ROOT}` a location \
         has the form `[ORGANIZATION/]ACCOUNT/CloudTrail/REGION`",
        excerpt(text, SHOWN),
        excerpt(part, SHOWN)
    ))
}

fn place(text: &str) -> Result<Location, Refusal> {
    let shown = excerpt(text, SHOWN);
    let refused = |words: &str| {
        let hint = "hint: use `s3://BUCKET/PREFIX`, or a directory that holds a copy";
        Err(Refusal::usage(format!("{words}\n\n{hint}")))
    };
    let Some(rest) = text.strip_prefix("s3://") else {
        let path = PathBuf::from(text);
        return match std::fs::metadata(&path) {
            Ok(about) if about.is_dir() => Ok(Location::Directory(path)),
            Ok(_) => refused(&format!("`{shown}` is not a directory")),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                Err(Refusal::not_started(format!("cannot read `{shown}`: {error}")))
            }
            Err(_) => {
                let words =
                    format!("cannot read `{shown}` as a location: there is no such directory");
                match meant(text) {
                    Some(hint) => Err(Refusal::usage(format!("{words}\n\nhint: {hint}"))),
                    None => refused(&words),
                }
            }
        };
    };
    match in_bucket(rest) {
        Some((bucket, prefix)) => Ok(Location::Bucket(bucket.to_owned(), prefix.to_owned())),
        None => refused(&format!("cannot read `{shown}` as a location")),
    }
}

/// Splits what follows `s3://` into a bucket, or an access point, and a key; `None` if no bucket has such
/// a name.
pub(crate) fn in_bucket(rest: &str) -> Option<(&str, &str)> {
    let (bucket, key) =
        match access_point(rest).and_then(|point| rest.split_at_checked(point.len())) {
            Some((point, key)) => (point, key.strip_prefix('/').unwrap_or(key)),
            None => rest.split_once('/').unwrap_or((rest, "")),
        };
    // A folder may have an empty name, so only one trailing slash is removed.
    is_bucket(bucket).then(|| (bucket, key.strip_suffix('/').unwrap_or(key)))
}

/// Other ways to write the scheme of a bucket: of Hadoop, and mistyped.
const SCHEMES: [&str; 5] = ["s3://", "s3a://", "s3n://", "s3:/", "s3:"];

/// Proposes what was probably meant by a location that is neither a bucket nor a directory.
fn meant(text: &str) -> Option<String> {
    if text.starts_with("arn:") {
        return meant_by_arn(text);
    }
    if let Some(address) = text.strip_prefix("https://").or(text.strip_prefix("http://")) {
        return meant_by_address(address);
    }
    let lower = text.to_ascii_lowercase();
    if let Some(scheme) = SCHEMES.iter().find(|scheme| lower.starts_with(**scheme)) {
        return proposed_path(text.get(scheme.len()..)?);
    }
    let is_path = text.starts_with(['.', '/', '~']) || text.contains("://");
    if is_path { None } else { proposed_path(text) }
}

fn meant_by_arn(text: &str) -> Option<String> {
    let mut parts = text.splitn(6, ':').skip(2);
    let (service, rest) = (parts.next()?, parts.nth(2)?);
    match service {
        "cloudtrail" => Some(match text.parse::<TrailArn>() {
            Ok(arn) => format!("name the trail with `--trail-arn {}`", shell_word(arn.as_str())),
            Err(_) => "name a trail with `--trail-arn`".to_owned(),
        }),
        "s3" if access_point(text).is_some() => Some(format!("did you mean `s3://{text}`?")),
        // The resource of a policy's statement may end in an asterisk.
        "s3" => proposed_path(rest.strip_suffix('*').unwrap_or(rest)),
        _ => None,
    }
}

/// Proposes the bucket of an address of S3 or of its console, or the trail of CloudTrail's.
fn meant_by_address(address: &str) -> Option<String> {
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    if host.split('.').any(|label| label == "console") {
        if let Some((_, trail)) = path.split_once("#/trails/") {
            let trail = percent_decode_str(trail).decode_utf8().ok()?;
            return meant_by_arn(&trail).filter(|_| trail.contains(":cloudtrail:"));
        }
        let rest = path.strip_prefix("s3/buckets/").or(path.strip_prefix("s3/object/"))?;
        let (bucket, query) = rest.split_once('?').unwrap_or((rest, ""));
        let named = |pair: &&str| pair.starts_with("prefix=");
        let prefix = query.split(['&', '#']).find(named).and_then(|pair| pair.get(7..));
        let prefix = percent_decode_str(prefix.unwrap_or_default()).decode_utf8().ok()?;
        return proposed(bucket, prefix.trim_end_matches(|last| last != '/'));
    }
    // `BUCKET.s3.REGION.amazonaws.com/KEY`, or `s3.REGION.amazonaws.com/BUCKET/KEY`.
    let is_of_aws = [".amazonaws.com", ".amazonaws.com.cn"].iter().any(|end| host.ends_with(end));
    match host.split_once(".s3") {
        Some((bucket, _)) if is_of_aws => proposed(bucket, path),
        _ if host.starts_with("s3") && is_of_aws => proposed_path(path),
        _ => None,
    }
}

/// Proposes `BUCKET/PREFIX` as a location.
fn proposed_path(rest: &str) -> Option<String> {
    let rest = rest.trim_start_matches('/');
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    proposed(bucket, prefix)
}

fn proposed(bucket: &str, prefix: &str) -> Option<String> {
    let prefix = prefix.trim_matches('/');
    let slash = if prefix.is_empty() { "" } else { "/" };
    let plain = is_bucket(bucket) && !prefix.chars().any(char::is_control);
    plain.then(|| {
        let place = format!("s3://{bucket}{slash}{prefix}");
        format!("did you mean `{}`?", excerpt(&place, SHOWN))
    })
}

/// Returns the ARN of an access point that a text begins with:
/// `arn:PARTITION:s3:REGION:ACCOUNT:accesspoint/NAME`. The points of several regions at once have no
/// region, and need signatures that the program does not make.
fn access_point(text: &str) -> Option<&str> {
    let mut parts = text.splitn(6, ':');
    let arn = parts.next()? == "arn" && parts.next()?.starts_with("aws") && parts.next()? == "s3";
    let region: Option<Region> = parts.next()?.parse().ok();
    let account: Option<AccountId> = parts.next()?.parse().ok();
    let resource = parts.next()?;
    let rest = resource.strip_prefix("accesspoint/").or(resource.strip_prefix("accesspoint:"))?;
    let (name, behind) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_named = !name.is_empty() && name.bytes().all(is_letter);
    let whole = arn && region.is_some() && account.is_some() && is_named;
    text.strip_suffix(behind).filter(|_| whole)
}

fn is_bucket(name: &str) -> bool {
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let is_name = !name.is_empty() && name.bytes().all(named);
    is_name || access_point(name) == Some(name)
}

/// Parses the name of a bucket or the ARN of an access point, with or without its scheme. An invalid name is refused: otherwise
/// every digest would be looked for under it and reported as moved.
pub(crate) fn bucket_name(text: &str) -> Result<&str, Refusal> {
    let name = text.strip_prefix("s3://").unwrap_or(text);
    let name = name.strip_suffix('/').unwrap_or(name);
    is_bucket(name)
        .then_some(name)
        .ok_or_else(|| Refusal::usage(format!("`{}` is not a bucket name", excerpt(text, SHOWN))))
}

/// One `--relocate` option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelocateOption {
    /// Bucket of delivery.
    pub(crate) bucket: String,
    /// What the delivered keys begin with. Empty, or ends in a slash.
    pub(crate) prefix: String,
    /// Where these objects are now.
    pub(crate) to: Location,
}

/// Parses `s3://OLD[/PREFIX]=s3://NEW[/PREFIX]` or `s3://OLD[/PREFIX]=DIRECTORY`.
pub(crate) fn moved(text: &str) -> Result<RelocateOption, Refusal> {
    let read = text.split_once('=').map(|(old, new)| Ok::<_, Refusal>((place(old)?, place(new)?)));
    match read.transpose()? {
        Some((Location::Bucket(bucket, prefix), to)) => {
            Ok(RelocateOption { bucket, prefix: folder(&prefix), to })
        }
        _ => Err(Refusal::usage(format!(
            "cannot read `{}` as a relocation\n\nhint: use `--relocate \
             s3://OLD/PREFIX=s3://NEW/PREFIX`",
            excerpt(text, SHOWN)
        ))),
    }
}

/// Returns a prefix as a folder, with a slash at its end; an empty prefix stays empty.
pub(crate) fn folder(prefix: &str) -> String {
    if prefix.is_empty() { String::new() } else { format!("{prefix}/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_recognized_by_its_scheme() {
        let bucket = |bucket: &str, prefix: &str| {
            Ok::<_, ()>(Location::Bucket(bucket.to_owned(), prefix.to_owned()))
        };
        let read = |text: &str| location(text).map(|(place, _)| place).map_err(drop);
        assert_eq!(read("s3://b"), bucket("b", ""));
        assert_eq!(read("s3://b//p/q/"), bucket("b", "/p/q"));
        assert_eq!(read("s3://b/p/AWSLogs"), bucket("b", "p"));
        assert_eq!(read("s3://b/p/AWSLogs/x/y"), bucket("b", "p/AWSLogs/x/y"));
        assert_eq!(read("."), Ok(Location::Directory(PathBuf::from("."))));
        let point = "arn:aws:s3:eu-west-1:111122223333:accesspoint/logs-1";
        assert_eq!(read(&format!("s3://{point}")), bucket(point, ""));
        assert_eq!(read(&format!("s3://{point}/p/q/")), bucket(point, "p/q"));
        for wrong in [
            "",
            "s3://",
            "s3:///p",
            "s3://b c",
            "no/such/directory",
            "Cargo.toml",
            "s3://arn:aws:s3::111122223333:accesspoint/a.mrap",
            "s3://arn:aws:s3:eu-west-1:111122223333:accesspoint/",
            "s3://arn:aws:s3:eu-west-1:1:accesspoint/a",
            "s3://arn:aws:sns:eu-west-1:111122223333:accesspoint/a",
        ] {
            assert_eq!(read(wrong), Err(()), "{wrong}");
        }
    }

    #[test]
    fn a_location_that_is_neither_gets_a_proposal() {
        for (text, proposal) in [
            ("example-trail-logs", Some("did you mean `s3://example-trail-logs`?")),
            ("example-trail-logs/audit/", Some("did you mean `s3://example-trail-logs/audit`?")),
            ("arn:aws:s3:::logs/p", Some("did you mean `s3://logs/p`?")),
            ("arn:aws:s3:::logs/AWSLogs/*", Some("did you mean `s3://logs/AWSLogs`?")),
            (
                "arn:aws:cloudtrail:us-east-1:111122223333:trail/trail-1",
                Some(
                    "name the trail with `--trail-arn \
                     arn:aws:cloudtrail:us-east-1:111122223333:trail/trail-1`",
                ),
            ),
            ("arn:aws:cloudtrail:us-east-1::x", Some("name a trail with `--trail-arn`")),
            ("S3://logs/p", Some("did you mean `s3://logs/p`?")),
            ("s3:/logs/p", Some("did you mean `s3://logs/p`?")),
            ("s3:logs", Some("did you mean `s3://logs`?")),
            ("s3a://logs/p/", Some("did you mean `s3://logs/p`?")),
            (
                "https://s3.console.aws.amazon.com/s3/buckets/logs?region=eu-west-1&prefix=a%20b/AWSLogs/&tab=x",
                Some("did you mean `s3://logs/a b/AWSLogs`?"),
            ),
            (
                "https://eu-west-1.console.aws.amazon.com/s3/buckets/logs",
                Some("did you mean `s3://logs`?"),
            ),
            (
                "https://eu-west-1.console.aws.amazon.com/s3/object/logs?prefix=AWSLogs/x.json.gz",
                Some("did you mean `s3://logs/AWSLogs`?"),
            ),
            (
                "https://us-east-1.console.aws.amazon.com/cloudtrailv2/home?region=us-east-1#/trails/arn:aws:cloudtrail:us-east-1:111122223333:trail/trail-1",
                Some(
                    "name the trail with `--trail-arn \
                     arn:aws:cloudtrail:us-east-1:111122223333:trail/trail-1`",
                ),
            ),
            ("https://eu-west-1.console.aws.amazon.com/ec2/home", None),
            ("https://x.console.aws.amazon.com/s3/buckets/logs?prefix=%1b[2J/", None),
            ("https://s3.cn-north-1.amazonaws.com.cn/logs/p", Some("did you mean `s3://logs/p`?")),
            ("https://logs.s3.eu-west-1.amazonaws.com/p/", Some("did you mean `s3://logs/p`?")),
            ("https://s3.eu-west-1.amazonaws.com/logs/p", Some("did you mean `s3://logs/p`?")),
            ("https://example.com/logs", None),
            ("./no/such/directory", None),
            ("a b", None),
            ("logs/\u{1b}[2J", None),
            ("arn:aws:s3", None),
        ] {
            assert_eq!(meant(text).as_deref(), proposal, "{text}");
        }
    }

    #[test]
    fn every_part_of_a_location_narrows_or_is_refused() {
        let read = |text: &str| {
            let (place, within) = location(text).ok()?;
            let within = within?;
            let part = |part: Option<String>| part.unwrap_or_default();
            let names = [
                part(within.organization.map(|id| id.to_string())),
                part(within.account.map(|id| id.to_string())),
                part(within.region.map(|id| id.to_string())),
            ];
            Some((place, names.join(" ")))
        };
        let at = |prefix: &str| Location::Bucket("b".to_owned(), prefix.to_owned());
        let (organization, account) = ("o-a1b2c3d4e5", "111122223333");
        for (text, prefix, names) in [
            ("s3://b/AWSLogs/".to_owned(), "", "  ".to_owned()),
            (format!("s3://b/p/AWSLogs/{account}"), "p", format!(" {account} ")),
            (format!("s3://b/AWSLogs/{organization}/"), "", format!("{organization}  ")),
            (
                format!("s3://b/AWSLogs/{organization}/{account}/CloudTrail/eu-west-1/"),
                "",
                format!("{organization} {account} eu-west-1"),
            ),
            (
                format!("s3://b/AWSLogs/x/AWSLogs/{account}/CloudTrail-Digest"),
                "AWSLogs/x",
                format!(" {account} "),
            ),
        ] {
            assert_eq!(read(&text), Some((at(prefix), names)), "{text}");
        }
        for wrong in [
            format!("s3://b/AWSLogs/{account}/Config/eu-west-1/"),
            format!("s3://b/AWSLogs/{account}/CloudTrail/2026/"),
            format!("s3://b/AWSLogs/{account}/CloudTrail/eu-west-1/2026/03/01/"),
            format!("s3://b/AWSLogs/{organization}/x/"),
        ] {
            assert!(location(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_bucket_name_is_valid() {
        for (text, name) in [("b-1.x_y", "b-1.x_y"), ("s3://b", "b"), ("s3://b/", "b")] {
            assert_eq!(bucket_name(text).ok(), Some(name));
        }
        for wrong in ["", "s3://", "a b", "b/p", "s3://b/p", "Wrong Bucket/", "s3:b", "\u{1b}"] {
            assert!(bucket_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_relocation_has_two_places() {
        let read = moved("s3://old/p=s3://new").map_err(drop);
        let to = Location::Bucket("new".to_owned(), String::new());
        assert_eq!(
            read,
            Ok(RelocateOption { bucket: "old".to_owned(), prefix: "p/".to_owned(), to })
        );
        assert!(moved("s3://old=.").is_ok());
        for wrong in ["", "s3://old", "=", ".=s3://new", "s3://old=", "s3://=s3://new"] {
            assert!(moved(wrong).is_err(), "{wrong}");
        }
    }
}
