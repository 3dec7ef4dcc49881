//! Merges the records of several files in order.
use super::lines::{Lines, disorder, parse};
use super::record::{Order, Record};
use std::collections::btree_map;
use std::io;
use std::iter::Peekable;

/// What is parsed from a line: the whole record, or parts of it.
pub(in crate::source::mirror) trait Told: Sized {
    fn parse(line: &[u8]) -> io::Result<(Order, Self)>;

    fn of(record: &Record) -> Self;

    /// Merges a later line of the same object into this one.
    fn absorb(&mut self, later: Self);
}

impl Told for Record {
    fn parse(line: &[u8]) -> io::Result<(Order, Self)> {
        let record = parse(line)?;
        Ok((record.order(), record))
    }

    fn of(record: &Record) -> Self {
        record.clone()
    }

    fn absorb(&mut self, later: Self) {
        Self::absorb(self, later);
    }
}

pub(super) fn take<T: Told>(known: &mut Option<T>, later: Option<T>) {
    match (known.as_mut(), later) {
        (Some(known), Some(later)) => known.absorb(later),
        (None, later) => *known = later,
        (Some(_), None) => {}
    }
}

/// The lines of one file in ascending order.
#[derive(Debug)]
pub(super) struct Scan<T> {
    lines: Option<Lines>,
    last: Order,
    pub(super) next: Option<(Order, T)>,
}

impl<T: Told> Scan<T> {
    pub(super) fn new(lines: Option<Lines>) -> Self {
        Self { lines, last: Order::default(), next: None }
    }

    pub(super) fn advance(&mut self) -> io::Result<()> {
        self.next = None;
        if let Some(lines) = &mut self.lines
            && let Some(line) = lines.next()?
        {
            let (order, value) = T::parse(line)?;
            // A line out of order would end a listing early.
            if order <= self.last {
                return Err(disorder());
            }
            self.last.clone_from(&order);
            self.next = Some((order, value));
        }
        Ok(())
    }
}

/// The lines of several files, of which later ones take precedence, and the latest changes.
#[derive(Debug)]
pub(in crate::source::mirror) struct Merged<'l, T> {
    files: Vec<Scan<T>>,
    recent: Peekable<btree_map::Range<'l, Order, Record>>,
}

impl<'l, T: Told> Merged<'l, T> {
    pub(super) fn new(files: Vec<Scan<T>>, recent: btree_map::Range<'l, Order, Record>) -> Self {
        Self { files, recent: recent.peekable() }
    }

    /// Returns the next item.
    pub(in crate::source::mirror) fn next(&mut self) -> io::Result<Option<(Order, T)>> {
        // A finished mirror has one file.
        if let ([file], None) = (self.files.as_mut_slice(), self.recent.peek()) {
            let next = file.next.take();
            file.advance()?;
            return Ok(next);
        }
        let of_files = self.files.iter().filter_map(|file| file.next.as_ref().map(|(at, _)| at));
        let at = of_files.chain(self.recent.peek().map(|(at, _)| *at)).min().cloned();
        let Some(at) = at else { return Ok(None) };
        let mut known = None;
        for file in &mut self.files {
            if file.next.as_ref().is_some_and(|(next, _)| *next == at) {
                take(&mut known, file.next.take().map(|(_, value)| value));
                file.advance()?;
            }
        }
        if self.recent.peek().is_some_and(|(next, _)| **next == at) {
            take(&mut known, self.recent.next().map(|(_, record)| T::of(record)));
        }
        Ok(known.map(|value| (at, value)))
    }
}
