//! Sums up objects whose bytes are all there: quickly where nothing is wrong with them, and exactly
//! where something is.
use super::content::{Content, ContentReader, OverBudget};

/// Reads objects one after another. What it says is what [`ContentReader::new`] says of the same
/// bytes.
#[derive(Debug)]
pub struct WholeReader {
    quick: ContentReader,
    /// Made when the quick one first meets something that it must not judge.
    exact: Option<ContentReader>,
}

impl Default for WholeReader {
    fn default() -> Self {
        Self { quick: ContentReader::quick(0), exact: None }
    }
}

impl WholeReader {
    /// The sum of an object whose bytes are these `pieces`, one behind the other. `keep`, where
    /// given, gets the inflated bytes in place of what it holds.
    ///
    /// # Errors
    ///
    /// [`OverBudget`] where they inflate to more than `limit`.
    pub fn read(
        &mut self,
        pieces: &[impl AsRef<[u8]>],
        limit: u64,
        mut keep: Option<&mut Vec<u8>>,
    ) -> Result<Content, OverBudget> {
        if let Ok(content) = sum(&mut self.quick, pieces, limit, keep.as_deref_mut())
            && content.form.is_settled()
        {
            return Ok(content);
        }
        let exact = self.exact.get_or_insert_with(|| ContentReader::new(limit));
        sum(exact, pieces, limit, keep)
    }
}

fn sum(
    reader: &mut ContentReader,
    pieces: &[impl AsRef<[u8]>],
    limit: u64,
    mut keep: Option<&mut Vec<u8>>,
) -> Result<Content, OverBudget> {
    reader.reset(limit);
    if let Some(kept) = keep.as_deref_mut() {
        kept.clear();
    }
    if let Some((last, before)) = pieces.split_last() {
        for piece in before {
            reader.push(piece.as_ref(), keep.as_deref_mut())?;
        }
        reader.push_last(last.as_ref(), keep)?;
    }
    Ok(reader.finish())
}
