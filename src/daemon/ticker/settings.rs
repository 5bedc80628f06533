//! The jobs as the settings say, at the start and after each reload.

use std::sync::Arc;

use super::Ticker;
use crate::config::{Account, SecretSource, Settings};
use crate::daemon::first_syncs::FirstSyncs;
use crate::daemon::manager::Manager;
use crate::daemon::plan;
use crate::daemon::reload::Reload;
use crate::daemon::slot::slots;
use crate::setup::limit;

impl Ticker {
    /// Sets the jobs up from the settings; the ledger is read anew. An account whose limits are what they were
    /// `before` keeps them: a run may be under way, and the next one is to share them with it.
    pub(super) fn arrange(&mut self, before: &[Account]) {
        self.slots = slots(&self.settings);
        let accounts = &self.settings.accounts;
        let limits = accounts.iter().map(|account| {
            let kept = before.iter().any(|old| old.name == account.name && old.is_as_fast_as(account));
            let kept = self.limits.get(&account.name).filter(|_| kept).map(Arc::clone);
            (account.name.clone(), kept.unwrap_or_else(|| limit(account)))
        });
        self.limits = limits.collect();
        self.first_syncs = FirstSyncs::of(accounts.iter().map(|account| &*account.name), self.clock.now());
    }

    pub(super) fn reload(&mut self, manager: Manager) {
        manager.reloading();
        match (self.orders.load)().and_then(|settings| settings.require_accounts().map(|()| settings)) {
            Ok(new) => {
                self.take_over(new);
                self.reloaded(true);
            }
            Err(error) => {
                tracing::error!(
                    "the settings stay as they were: {error}; mend them and restart if a file of secrets is new, else \
                     reload again; `lmp-billing-sync check` tells whether they are right"
                );
                self.reloaded(false);
            }
        }
        manager.ready();
    }

    fn reloaded(&mut self, taken: bool) {
        self.troubles.reloaded(taken, self.clock.now());
        self.metrics.reloaded(taken);
    }

    fn take_over(&mut self, new: Settings) {
        let Reload { settings, needs_restart, added, removed } = Reload::of(&self.settings, new);
        for setting in needs_restart {
            tracing::warn!("{setting} has changed, which takes effect only with a restart");
        }
        if settings.log.filter != self.settings.log.filter
            && let Err(error) = (self.orders.change_log_filter)(&settings.log.filter)
        {
            tracing::error!("the log stays as it was: {error}");
        }
        let before = std::mem::replace(&mut self.settings, Arc::new(settings));
        self.arrange(&before.accounts);
        let slots = &self.slots;
        self.troubles
            .keep(|account, job| slots.iter().any(|slot| slot.account == account && slot.job == job));
        self.page.replace_plan(plan(&self.settings));
        let handed_over =
            self.settings.secrets().any(|secret| matches!(secret.source(), SecretSource::Credential(_)));
        let secrets = if handed_over {
            "; secrets that systemd handed over are those of the last start: restart after changing one"
        } else {
            ""
        };
        tracing::info!(
            accounts = self.settings.accounts.len(),
            added,
            removed,
            "loaded the settings anew{secrets}"
        );
    }
}
