//! Places to which the digests of a chain are delivered.
use crate::vocab::chain_id::ChainId;
use crate::vocab::key_layout::ROOT;

/// A folder of digests of a chain.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The chain.
    pub chain: &'a ChainId,
    /// The bucket to which the evidence was delivered.
    pub bucket: &'a str,
    /// Key of the folder, without the date, with a slash at its end.
    pub folder: &'a str,
}

impl Place<'_> {
    /// Returns the account that owns the trail; `None` if no key names it.
    pub(super) fn owner(&self) -> Option<&str> {
        self.chain.organization.is_none().then(|| self.chain.account.as_str())
    }

    /// Returns the ARN of the trail; `None` if no key names its owner.
    pub(super) fn trail_arn(&self) -> Option<String> {
        let ChainId { home_region, trail, .. } = self.chain;
        let partition = home_region.partition();
        self.owner()
            .map(|owner| format!("arn:{partition}:cloudtrail:{home_region}:{owner}:trail/{trail}"))
    }

    /// Returns the prefix of the trail: what comes before `AWSLogs`, without the slash.
    pub(super) fn prefix(&self) -> Option<&str> {
        let is_root = |at: &usize| {
            *at == 0 || self.folder.as_bytes().get(at - 1).is_some_and(|byte| *byte == b'/')
        };
        let at = self.folder.rfind(ROOT).filter(is_root)?;
        Some(self.folder.get(..at)?.trim_end_matches('/'))
    }
}
