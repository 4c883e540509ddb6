//! Who works with which category: who writes it, who reads of it and what for, and who is refused.

use coffer_client::wire::api::Form;
use coffer_wire::Provenance;
use coffer_wire::problem::Code;

/// A category, and the staff that the story follows there.
pub struct Desk {
    pub category: &'static str,
    /// Who writes, for which purpose, and where it comes from.
    pub written: (&'static str, &'static str, Option<Provenance>),
    /// Who reads, for which purpose, in which form, which field.
    pub read: (&'static str, &'static str, Form, &'static str),
    /// Who asks for the same, for the same purpose, through the application they work with, and hears this.
    pub refused: (&'static str, Code),
}

/// All of them, from the home to what hardly anybody may see.
pub const DESKS: [Desk; 22] = [
    Desk {
        category: "contact",
        written: ("housing-officer", "housing-management", Some(Provenance::WebForm)),
        read: ("repairs-planner", "repairs", Form::Clear, "address"),
        refused: ("contractor", Code::ForbiddenRole),
    },
    Desk {
        category: "tenancy",
        written: ("housing-officer", "housing-management", Some(Provenance::Staff)),
        read: ("rents", "rent-collection", Form::Clear, "weekly_rent"),
        refused: ("income-officer", Code::ForbiddenRole),
    },
    Desk {
        category: "profile",
        written: ("equality-officer", "equality-monitoring", Some(Provenance::Person)),
        read: ("lettings-officer", "lettings", Form::Over18, "date_of_birth"),
        refused: ("repairs-planner", Code::ForbiddenRole),
    },
    Desk {
        category: "housing_needs",
        written: ("lettings-officer", "lettings", Some(Provenance::WebForm)),
        read: ("housing-officer", "service-tailoring", Form::Clear, "bedrooms_needed"),
        refused: ("equality-officer", Code::ForbiddenRole),
    },
    Desk {
        category: "repairs",
        written: ("repairs-planner", "repairs", Some(Provenance::PhoneCall)),
        read: ("contractor", "repairs", Form::Clear, "description"),
        refused: ("housing-officer", Code::ForbiddenRole),
    },
    Desk {
        category: "feedback",
        written: ("contractor", "service-review", Some(Provenance::Contractor)),
        read: ("repairs-planner", "service-review", Form::Clear, "comment"),
        refused: ("contractor", Code::ForbiddenRole),
    },
    Desk {
        category: "bank",
        written: ("bank-officer", "payments", Some(Provenance::Person)),
        read: ("rents", "payments", Form::Masked, "account_number"),
        refused: ("income-officer", Code::ForbiddenRole),
    },
    Desk {
        category: "service_payments",
        written: ("rents", "accounting", Some(Provenance::Bank)),
        read: ("rents", "accounting", Form::Clear, "amount"),
        refused: ("bank-officer", Code::ForbiddenRole),
    },
    Desk {
        category: "benefits",
        written: ("income-officer", "circumstances-checks", Some(Provenance::PublicAuthority)),
        read: ("income-officer", "circumstances-checks", Form::Clear, "outcome"),
        refused: ("rents", Code::ForbiddenRole),
    },
    Desk {
        category: "credit",
        written: ("income-officer", "credit-checks", Some(Provenance::CreditAgency)),
        read: ("income-officer", "credit-checks", Form::Masked, "reference"),
        refused: ("bank-officer", Code::ForbiddenRole),
    },
    Desk {
        category: "debts",
        written: ("debt-adviser", "debt-advice", Some(Provenance::Person)),
        read: ("debt-adviser", "arrears-review", Form::Clear, "balance"),
        refused: ("support-worker", Code::ForbiddenRole),
    },
    Desk {
        category: "care",
        written: ("support-worker", "support-planning", Some(Provenance::CareProfessional)),
        read: ("support-worker", "home-visits", Form::Clear, "mobility"),
        refused: ("debt-adviser", Code::ForbiddenRole),
    },
    Desk {
        category: "complaints",
        written: ("complaints-handler", "complaint-handling", Some(Provenance::Email)),
        read: ("complaints-handler", "service-review", Form::Masked, "received_on"),
        refused: ("housing-officer", Code::ForbiddenApplication),
    },
    Desk {
        category: "correspondence",
        written: ("housing-officer", "housing-management", Some(Provenance::Email)),
        read: ("housing-officer", "housing-management", Form::Clear, "subject_line"),
        refused: ("repairs-planner", Code::ForbiddenRole),
    },
    Desk {
        category: "contact_log",
        written: ("housing-officer", "housing-management", Some(Provenance::Staff)),
        read: ("housing-officer", "housing-management", Form::Clear, "facts"),
        refused: ("lettings-officer", Code::ForbiddenRole),
    },
    Desk {
        category: "representatives",
        written: ("housing-officer", "acting-on-behalf", Some(Provenance::Person)),
        read: ("housing-officer", "acting-on-behalf", Form::Masked, "name"),
        refused: ("recordings-keeper", Code::ForbiddenRole),
    },
    Desk {
        category: "marketing",
        written: ("communications", "newsletters", Some(Provenance::WebForm)),
        read: ("communications", "newsletters", Form::Clear, "choice"),
        refused: ("housing-officer", Code::ForbiddenRole),
    },
    Desk {
        category: "media_consent",
        written: ("communications", "publicity", Some(Provenance::Person)),
        read: ("communications", "publicity", Form::Clear, "agreed_use"),
        refused: ("housing-officer", Code::ForbiddenRole),
    },
    Desk {
        category: "public_social",
        written: ("communications", "public-replies", Some(Provenance::SocialMedia)),
        read: ("communications", "public-replies", Form::Clear, "platform"),
        refused: ("lettings-officer", Code::ForbiddenRole),
    },
    Desk {
        category: "recordings",
        written: ("recordings-keeper", "transaction-records", Some(Provenance::PhoneCall)),
        read: ("recordings-keeper", "quality-checks", Form::Masked, "recorded_on"),
        refused: ("communications", Code::ForbiddenRole),
    },
    Desk {
        category: "incidents",
        written: ("safety-officer", "incident-handling", Some(Provenance::Staff)),
        read: ("housing-officer", "staff-safety", Form::Clear, "warning"),
        refused: ("lettings-officer", Code::ForbiddenRole),
    },
    Desk {
        category: "offences",
        written: ("safeguarding-lead", "risk-management", Some(Provenance::PublicAuthority)),
        read: ("safeguarding-lead", "risk-management", Form::Masked, "dated"),
        refused: ("safety-officer", Code::ForbiddenRole),
    },
];
