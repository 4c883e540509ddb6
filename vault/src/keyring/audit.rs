//! Audit keys: what the log says of a person or a staff member in private stands under one of them.

use coffer_keys::{Altered, AuditKey, Context, KeyId, KeyKind, Label};
use subtle::ConstantTimeEq;

use super::record::{AuditRow, TAG_BYTES};
use super::{KeyringError, Line};
use crate::store::{Batch, Family, Precondition, Unread, View};

/// Whom an audit key is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Audited<'a> {
    /// A data subject, by the caller's id.
    Person(&'a str),
    /// A staff member, by issuer and subject of the token.
    Staff {
        /// `iss`.
        issuer: &'a str,
        /// `sub`.
        subject: &'a str,
    },
    /// Whoever has no key of their own in this half-year.
    Unattributed(&'a str),
}

impl Audited<'_> {
    /// The text that is located. Ids hold no control characters, so that the kinds cannot meet.
    fn text(&self) -> String {
        match self {
            Audited::Person(person) => (*person).to_owned(),
            Audited::Staff { issuer, subject } => format!("\u{1}staff\u{0}{}\u{0}{issuer}\u{0}{subject}", issuer.len()),
            Audited::Unattributed(period) => format!("\u{1}unattributed\u{0}{period}"),
        }
    }
}

/// The store's key of an audit key.
pub fn audit_row_key(audit: &Line, whom: Audited<'_>) -> Vec<u8> {
    AuditRow::key(&audit.locator.person(&whom.text()))
}

impl Line {
    /// The audit key of somebody, if there is one. This line is a controller's audit line.
    pub fn audit_key(&self, view: &View<'_>, whom: Audited<'_>) -> Result<Result<Option<AuditKey>, Altered>, Unread> {
        let locator = self.locator.person(&whom.text());
        let look = || view.get(Family::Keys, &AuditRow::key(&locator));
        let Some(mut row) = look()? else { return Ok(Ok(None)) };
        // As with a subject key: a job may have moved it since the look, to a version that opens alone by now.
        loop {
            let opened = self.open_audit(&locator, &row);
            if opened.is_ok() {
                return Ok(opened.map(Some));
            }
            let before = std::mem::replace(&mut row, look()?.unwrap_or_default());
            if before == row {
                return Ok(opened.map(Some));
            }
        }
    }

    /// That somebody has an audit key when what was sealed under it is numbered: for who found it among rows that may yet come
    /// to nothing.
    pub fn is_audited(&self, whom: Audited<'_>) -> Precondition {
        Precondition::Begins { family: Family::Keys, key: audit_row_key(self, whom), bytes: AuditRow::any() }
    }

    /// Where somebody's audit key lies, if there is one.
    pub fn audit_locator(&self, whom: Audited<'_>) -> [u8; 16] {
        self.locator.person(&whom.text())
    }

    /// Opens an audit key that lies at a locator.
    pub fn open_audit(&self, locator: &[u8; 16], row: &[u8]) -> Result<AuditKey, Altered> {
        let row = AuditRow::decode(row).ok_or(Altered)?;
        let version = self.version(&row.wrapped_by).ok_or(Altered)?;
        if !bool::from(self.audit_tag(locator, &row.id).ct_eq(&row.tag)) {
            return Err(Altered);
        }
        version.key.open_audit(&self.place(KeyKind::Audit, row.id, &version), &row.wrapped)
    }

    /// Makes the audit key of somebody who has none.
    pub fn make_audit(
        &self,
        whom: Audited<'_>,
        batch: &mut Batch,
        needs: &mut Vec<Precondition>,
    ) -> Result<(KeyId, AuditKey), KeyringError> {
        let locator = self.locator.person(&whom.text());
        let id = KeyId::random()?;
        let version = self.active();
        let (key, wrapped) = version.key.make_audit(&self.place(KeyKind::Audit, id, &version))?;
        needs.push(version.wraps());
        let row = AuditRow { id, wrapped_by: version.id, tag: self.audit_tag(&locator, &id), wrapped };
        let at = AuditRow::key(&locator);
        batch.put(Family::Keys, at.clone(), row.encode());
        needs.push(Precondition::Absent { family: Family::Keys, key: at });
        Ok((id, key))
    }

    fn audit_tag(&self, locator: &[u8; 16], id: &KeyId) -> [u8; TAG_BYTES] {
        self.locator.tag(&Context::new(Label::Index).text("audit").part(locator).part(id.as_bytes()))
    }
}
