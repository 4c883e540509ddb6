//! `whoami`: who the vault takes the caller for.

use std::sync::Arc;

use coffer_wire::api::{Empty, Whoami};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};

use super::answer::{Answered, body};
use super::{House, Incoming, manage};

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    let _: Empty = manage::read(&house, &incoming, Action::Whoami, true).await?;
    let (desk, _) = manage::record(&house, &incoming, Action::Whoami, Private::default()).await?;
    let staff = desk.caller.staff().ok_or_else(|| Problem::new(Code::CredentialMissing))?;
    body(&Whoami {
        application: desk.caller.application(),
        issuer: staff.iss.clone(),
        subject: staff.sub.clone(),
        roles: desk.caller.roles(),
        controllers: desk.caller.controllers(),
        expires_ms: staff.exp_ms,
    })
}
