//! Reads objects whose bytes are all in memory: quickly if nothing is wrong with them, exactly if
//! something is.
use super::content::{Content, ContentReader, OverBudget};

/// Reads objects one after another. The result is the same as that of [`ContentReader::new`] over
/// the same bytes.
#[derive(Debug)]
pub struct WholeReader {
    quick: ContentReader,
    /// Created when the quick reader first meets something that it must not judge.
    exact: Option<ContentReader>,
}

impl Default for WholeReader {
    fn default() -> Self {
        Self { quick: ContentReader::quick(0), exact: None }
    }
}

impl WholeReader {
    /// Reads an object whose bytes are these consecutive `pieces`. `keep`, if given, is overwritten
    /// with the inflated bytes.
    ///
    /// # Errors
    ///
    /// Returns [`OverBudget`] if they inflate to more than `limit`.
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
        reader.push_last(last.as_ref(), keep.as_deref_mut())?;
    }
    let content = reader.finish();
    content.trim(keep);
    Ok(content)
}
