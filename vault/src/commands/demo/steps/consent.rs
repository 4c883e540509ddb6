//! A tenant takes a consent back, and the next look is refused.

use coffer_client::ask;
use coffer_wire::problem::Code;

use super::super::cast::OAKVALE;
use super::super::sample::Sample;
use super::super::stage::Stage;
use super::super::tell::{Tell, short};
use super::super::told::{NotAsTold, refused, some};
use super::same;

const OFFICER: &str = "communications";
/// The day of the withdrawal.
const TODAY: &str = "2026-11-25";
/// Characters of a long value that a line shows.
const SHOWN: usize = 36;

pub async fn told(stage: &Stage, tell: &mut Tell, sample: &Sample) -> Result<(), NotAsTold> {
    tell.chapter("A photo is used while its person agrees, and no longer");
    let mut photos = sample.of_category("media_consent").filter(|row| row.controller == OAKVALE);
    let row = some(photos.next(), "agreed photo")?;
    let publicity = stage.staff("communications")?.for_controller(OAKVALE)?.for_purpose("publicity")?;
    let agreed = || ask::clear("media_consent", &row.person, &row.record, &["agreed_use"]);

    tell.step(OFFICER, format!("reads what {} agreed to", row.person));
    let read = publicity.read(agreed()?).await?;
    tell.granted(Some(read.logged), short(same(&read, "agreed_use", row.field("agreed_use"))?, SHOWN));

    tell.step(OFFICER, "notes that the consent was withdrawn");
    let withdrawn = ask::write("media_consent", &row.person, &row.record)?.set("withdrawn_on", TODAY)?;
    let written = publicity.write(withdrawn).await?;
    tell.granted(Some(written.logged), format!("version {}", written.version));

    tell.step(OFFICER, "reads it again");
    tell.refused(&refused(publicity.read(agreed()?).await, Code::NoConsent)?);

    tell.step(OFFICER, "reads what has to be taken down");
    let item = ask::clear("media_consent", &row.person, &row.record, &["published_where"])?;
    let read = publicity.read(item).await?;
    tell.granted(Some(read.logged), same(&read, "published_where", row.field("published_where"))?);
    Ok(())
}
