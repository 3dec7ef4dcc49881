//! Names of chains in a report: account, region and trail, and more if two chains of the run would
//! otherwise have the same name. Accounts have names of their own, which stand behind their ids.
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::record::RunStart;
use trailproof_core::vocab::budget::ACCOUNT_NAME;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::location::excerpt;

/// The names of accounts that a record has. Whoever owns an account chooses its name, so that a name
/// never stands alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccountNames(BTreeMap<String, String>);

impl AccountNames {
    /// Returns the names that a run was given.
    pub(crate) fn of(start: &RunStart) -> Self {
        Self(start.account_names.clone())
    }

    /// Returns the account, with its name if it has one.
    pub(crate) fn label(&self, account: &str) -> String {
        match self.0.get(account) {
            // A quotation mark in it cannot end the name.
            Some(name) => {
                let name = excerpt(name, ACCOUNT_NAME).replace('"', "\u{201d}");
                format!("{account} \"{name}\"")
            }
            None => account.to_owned(),
        }
    }
}

/// The names of a run's chains.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChainNames {
    /// Short names that more than one chain has.
    alike: BTreeSet<String>,
    accounts: AccountNames,
}

impl ChainNames {
    /// Returns the names for these chains, which may be repeated.
    pub(crate) fn of<'a>(chains: impl IntoIterator<Item = &'a ChainId>) -> Self {
        let mut first: BTreeMap<String, &ChainId> = BTreeMap::new();
        let mut alike = BTreeSet::new();
        for chain in chains {
            let name = chain.to_string();
            match first.get(&name) {
                Some(known) if *known == chain => {}
                Some(_) => {
                    alike.insert(name);
                }
                None => {
                    first.insert(name, chain);
                }
            }
        }
        Self { alike, accounts: AccountNames::default() }
    }

    /// Shows the names of accounts too.
    #[must_use]
    pub(crate) fn with_accounts(self, accounts: AccountNames) -> Self {
        Self { accounts, ..self }
    }

    /// Returns the name of a chain, which is unique in the run.
    pub(crate) fn name(&self, chain: &ChainId) -> String {
        let short = chain.to_string();
        let account = chain.account.as_str();
        let name = short.replacen(account, &self.accounts.label(account), 1);
        if !self.alike.contains(&short) {
            return name;
        }
        let organization = chain.organization.as_ref().map(|id| format!(", organization {id}"));
        format!("{name} (home {}{})", chain.home_region, organization.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_an_account_stands_behind_its_id_and_cannot_end() {
        let names = [
            ("111122223333", "Payments"),
            ("444455556666", "x\" 111122223333 us-east-1 t\u{1b}[2J\u{202e}"),
            ("777788889999", &"long ".repeat(50)),
        ];
        let names = names.map(|(account, name)| (account.to_owned(), name.to_owned()));
        let accounts = AccountNames(names.into());
        assert_eq!(accounts.label("111122223333"), "111122223333 \"Payments\"");
        assert_eq!(accounts.label("000000000000"), "000000000000");
        let hostile = accounts.label("444455556666");
        assert!(hostile.starts_with("444455556666 \"x\u{201d} 1111"), "{hostile}");
        assert!(hostile.ends_with("t\\u{1b}[2J\\u{202e}\""), "{hostile}");
        assert_eq!(hostile.matches('"').count(), 2, "{hostile}");
        assert!(accounts.label("777788889999").chars().count() < 90);
    }

    #[test]
    fn only_chains_with_equal_short_names_get_longer_names() {
        let chain = |trail: &str, home: &str, organization: Option<&str>| ChainId {
            account: "111122223333".parse().unwrap(),
            source_region: "eu-west-1".parse().unwrap(),
            trail: trail.parse().unwrap(),
            home_region: home.parse().unwrap(),
            organization: organization.map(|id| id.parse().unwrap()),
        };
        let chains = [
            chain("a", "us-east-1", None),
            chain("a", "eu-west-1", None),
            chain("a", "us-east-1", Some("o-a1b2c3d4e5")),
            chain("a", "us-east-1", Some("o-zzzzzzzzzz")),
            chain("b", "us-east-1", Some("o-a1b2c3d4e5")),
        ];
        let names = ChainNames::of(chains.iter().chain(&chains));
        let told: Vec<String> = chains.iter().map(|chain| names.name(chain)).collect();
        assert_eq!(
            told,
            [
                "111122223333 eu-west-1 a (home us-east-1)",
                "111122223333 eu-west-1 a (home eu-west-1)",
                "111122223333 eu-west-1 a (home us-east-1, organization o-a1b2c3d4e5)",
                "111122223333 eu-west-1 a (home us-east-1, organization o-zzzzzzzzzz)",
                "111122223333 eu-west-1 b",
            ]
        );
    }
}
