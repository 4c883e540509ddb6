//! Where card numbers end. Every text of a request is asked for one before anything else sees it: an item in which
//! one stands never reaches its operation, and neither its leaf nor its answer repeats the text.

use coffer_wire::api::{
    self, ApplyRequest, CertificateRequest, Empty, EntryRequest, KeyRequest, ProveRequest, RekeyRequest, RotateRequest,
    ShowRequest,
};
use coffer_wire::approvals::DecideRequest;
use coffer_wire::erasures::AllowErasuresRequest;
use coffer_wire::holds::{LiftHoldRequest, ListHoldsRequest, SetHoldRequest};
use coffer_wire::private::Private;
use coffer_wire::schema::SchemaRequest;
use coffer_wire::{ExternalId, Known, Name};
use serde::de::DeserializeOwned;

use crate::cards;

/// A text that the caller chose.
pub(super) struct Text<'a> {
    at: At,
    text: &'a str,
}

/// Where in a request a text stands. Tells nothing of what it is.
#[derive(Clone, Copy)]
pub(super) struct At {
    /// The member, as the caller has written it.
    member: &'static str,
    /// The field whose value it is.
    pub(super) field: Option<Name>,
}

/// What a caller sends, as far as it is text.
pub(super) trait Texts {
    /// Every text, names before values. Whoever implements it takes the type apart without `..`, so that a member that
    /// is added to it does not compile until it is thought of here.
    fn texts(&self) -> impl Iterator<Item = Text<'_>>;

    /// Where a card number stands, if one does.
    fn card(&self) -> Option<At> {
        self.texts().find(|text| cards::found_in(text.text)).map(|text| text.at)
    }
}

/// One of the items of a request.
pub(super) trait Item: Texts + DeserializeOwned + Send + Sync + 'static {
    /// The category, where it names one.
    fn category(&self) -> Option<Name>;

    /// What the private part of its leaf says of it.
    fn private(&self) -> Private;
}

/// An item that was asked.
pub(super) enum Guarded<T> {
    /// Its operation may have it.
    Clean(T),
    /// A card number stood in it.
    Card(Box<Remains>),
}

/// What is left of an item in which a card number stood: what its leaf may say.
pub(super) struct Remains {
    pub(super) at: At,
    pub(super) category: Option<Name>,
    pub(super) private: Private,
}

impl<T: Item> From<T> for Guarded<T> {
    fn from(item: T) -> Guarded<T> {
        match item.card() {
            None => Guarded::Clean(item),
            Some(at) => {
                let (category, private) = (item.category(), without_cards(item.private()));
                Guarded::Card(Box::new(Remains { at, category, private }))
            }
        }
    }
}

impl<'a> Text<'a> {
    /// A name, an id or a word of the caller's.
    pub(super) fn of(member: &'static str, text: &'a (impl AsRef<str> + ?Sized)) -> Text<'a> {
        Text { at: At { member, field: None }, text: text.as_ref() }
    }

    /// The value of a field.
    pub(super) fn value(field: Name, text: &'a str) -> Text<'a> {
        Text { at: At { member: "fields", field: Some(field) }, text }
    }
}

impl At {
    /// What the caller is told.
    pub(super) fn detail(self) -> String {
        format!("A payment card number stands in `{}`; none is ever stored. Take it out.", self.member)
    }
}

/// What an item says of itself in the log is ids and names; those with a card number are left out.
fn without_cards(private: Private) -> Private {
    let clean = |id: &ExternalId| !cards::found_in(id.as_str());
    Private {
        person: private.person.filter(clean),
        record: private.record.filter(clean),
        fields: private.fields.into_iter().filter(|field| !cards::found_in(field.as_str())).collect(),
        others: private.others.into_iter().filter(clean).collect(),
        known: without_cards_known(private.known),
        ..private
    }
}

/// Ids and names of fields; the rest is days and words of closed lists.
fn without_cards_known(known: Known) -> Known {
    let clean = |field: &Name| !cards::found_in(field.as_str());
    Known {
        reference: known.reference.filter(|id| !cards::found_in(id.as_str())),
        verified: known.verified.into_iter().filter(clean).collect(),
        disputed: known.disputed.into_iter().filter(|(field, _)| clean(field)).collect(),
        ..known
    }
}

/// The envelope alone: its items are asked one by one.
impl<T> Texts for api::Request<T> {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let api::Request { controller, purpose, case, reason, atomic: _, items: _ } = self;
        let case = case.iter().map(|case| Text::of("case", case));
        let reason = reason.iter().map(|reason| Text::of("reason", reason));
        [Text::of("controller", controller), Text::of("purpose", purpose)].into_iter().chain(case).chain(reason)
    }
}

impl Texts for Empty {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let Empty {} = self;
        std::iter::empty()
    }
}

impl Texts for RotateRequest {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let RotateRequest { controller, category, older_than_days: _, rate: _, deep: _, reason } = self;
        let controller = controller.iter().map(|controller| Text::of("controller", controller));
        let category = category.iter().map(|category| Text::of("category", category));
        controller.chain(category).chain([Text::of("reason", reason)])
    }
}

impl Texts for KeyRequest {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let KeyRequest { controller, category, version: _, reason, count: _, state: _, approval: _ } = self;
        [Text::of("controller", controller), Text::of("category", category), Text::of("reason", reason)].into_iter()
    }
}

impl Texts for EntryRequest {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let EntryRequest { start: _, count: _, log: _ } = self;
        std::iter::empty()
    }
}

impl Texts for RekeyRequest {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let RekeyRequest {} = self;
        std::iter::empty()
    }
}

impl Texts for CertificateRequest {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let CertificateRequest { leaf: _ } = self;
        std::iter::empty()
    }
}

impl Texts for ProveRequest {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let ProveRequest { index: _, from: _, size: _, log: _ } = self;
        std::iter::empty()
    }
}

impl Texts for ShowRequest {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let ShowRequest { category, field, action: _ } = self;
        let category = category.iter().map(|category| Text::of("category", category));
        category.chain(field.iter().map(|field| Text::of("field", field)))
    }
}

impl Texts for DecideRequest {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let DecideRequest { id: _, reason } = self;
        reason.iter().map(|reason| Text::of("reason", reason))
    }
}

impl Texts for SetHoldRequest {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let SetHoldRequest { controller, person, reason, until_ms: _ } = self;
        [Text::of("controller", controller), Text::of("person", person), Text::of("reason", reason)].into_iter()
    }
}

impl Texts for LiftHoldRequest {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let LiftHoldRequest { controller, person, hold: _, reason, approval: _ } = self;
        [Text::of("controller", controller), Text::of("person", person), Text::of("reason", reason)].into_iter()
    }
}

impl Texts for ListHoldsRequest {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let ListHoldsRequest { controller, person } = self;
        let person = person.iter().map(|person| Text::of("person", person));
        std::iter::once(Text::of("controller", controller)).chain(person)
    }
}

impl Texts for AllowErasuresRequest {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let AllowErasuresRequest { controller, categories, purpose, case, count: _, hours: _, reason, approval: _ } =
            self;
        let named = [Text::of("controller", controller), Text::of("purpose", purpose), Text::of("reason", reason)];
        let categories = categories.iter().map(|category| Text::of("categories", category));
        named.into_iter().chain(categories).chain(case.iter().map(|case| Text::of("case", case)))
    }
}

impl Texts for SchemaRequest {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let SchemaRequest { category } = self;
        category.iter().map(|category| Text::of("category", category))
    }
}

impl Texts for ApplyRequest {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let ApplyRequest { files, approval: _ } = self;
        files.iter().flat_map(|(name, text)| [Text::of("files", name), Text::of("files", text)])
    }
}
