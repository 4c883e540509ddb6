//! An application opens what it is for, whoever sits before it.

use coffer_client::ask;
use coffer_wire::problem::Code;

use super::super::cast::{Cast, NO_RECORD, OAKVALE};
use super::super::stage::Stage;
use super::super::tell::Tell;
use super::super::told::{NotAsTold, refused};

pub async fn told(stage: &Stage, tell: &mut Tell, cast: &Cast) -> Result<(), NotAsTold> {
    tell.chapter("An application opens what it is for, whoever sits before it");
    let bank = || ask::clear("bank", &cast.tenant, NO_RECORD, &["account_number"]);

    tell.step("complaints handler", "reads bank details through the complaints desk");
    let handler = stage.staff("complaints-handler")?.for_controller(OAKVALE)?;
    let asked = handler.for_purpose("payments")?.read(bank()?).await;
    tell.refused(&refused(asked, Code::ForbiddenApplication)?);

    tell.step("rents officer", "tries the same through the complaints desk");
    let rents = stage.somebody("rents", "complaints-desk", &[OAKVALE])?.for_controller(OAKVALE)?;
    let asked = rents.for_purpose("payments")?.read(bank()?).await;
    tell.refused(&refused(asked, Code::ForbiddenApplication)?);

    tell.step("complaints handler", "tries through the rents desk");
    let handler = stage.somebody("complaints-handler", "rents-desk", &[OAKVALE])?.for_controller(OAKVALE)?;
    let asked = handler.for_purpose("payments")?.read(bank()?).await;
    tell.refused(&refused(asked, Code::ForbiddenRole)?);
    Ok(())
}
