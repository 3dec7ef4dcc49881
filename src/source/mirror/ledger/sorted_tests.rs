//! Every line of a sorted manifest is found, and so is everything beyond a plain copy.
use super::*;
use crate::source::mirror::ledger::{ListedAs, Record};

#[test]
fn every_line_is_found_and_scanned_whatever_its_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sorted");
    let keys: Vec<String> = (0..3_000).map(|number| format!("k{number:05}")).collect();
    let mut text = String::new();
    for (number, key) in keys.iter().enumerate() {
        let etag = Some("e".repeat(if number % 500 == 3 { 40_000 } else { number % 90 }));
        let listed = Some(ListedAs { size: 1, etag, last_modified: None });
        let record = Record { listed, ..Record::new("b", key) };
        text += &(serde_json::to_string(&record).unwrap() + "\n");
    }
    std::fs::write(&path, &text).unwrap();
    // If few positions are kept, lines are searched for between them.
    for most in [1, 2, 3, 10] {
        let few = Sorted::with_places(&path, most).unwrap();
        assert!((1..=most + 1).contains(&u64::try_from(few.places.len()).unwrap()));
        every_key_is_found(&few, &keys);
    }
    let sorted = Sorted::open(&path).unwrap();
    assert!(sorted.places.len() > 20);
    every_key_is_found(&sorted, &keys);
    assert!(sorted.get(&Order::at("a")).unwrap().is_none());
    for from in [0, 1, 17, 2_999] {
        let mut scan: Scan<Record> = sorted.scan(&Order::at(format!("b/k{from:05}"))).unwrap();
        let mut seen = Vec::new();
        while let Some((_, record)) = scan.next.take() {
            seen.push(record.key);
            scan.advance().unwrap();
        }
        assert_eq!(seen, keys.get(from..).unwrap());
    }
    // A file that was cut returns its complete lines, and an error for the cut one.
    std::fs::write(&path, text.get(..text.len() - 2).unwrap()).unwrap();
    let sorted = Sorted::open(&path).unwrap();
    assert!(sorted.get(&Order::at("b/k02999")).is_err());
    assert!(sorted.get(&Order::at("b/k02998")).unwrap().is_some());
    std::fs::write(&path, "{}\n").unwrap();
    assert!(Sorted::open(&path).is_err());
    std::fs::write(&path, "").unwrap();
    assert!(Sorted::open(&path).unwrap().get(&Order::at("b/k")).unwrap().is_none());
}

fn every_key_is_found(sorted: &Sorted, keys: &[String]) {
    for key in keys {
        let wanted = Order::at(format!("b/{key}"));
        let stretch = sorted.stretch(&wanted).unwrap().unwrap();
        assert!(stretch.from < stretch.till, "{key}: {stretch:?}");
        let found = sorted.get(&wanted).unwrap();
        assert_eq!(found.map(|record| record.key).as_ref(), Some(key));
        assert!(sorted.get(&Order::at(format!("b/{key}x"))).unwrap().is_none());
    }
}

/// For a file without a remark, only the file itself is read, so no remark may be missed.
#[test]
fn everything_beyond_a_plain_copy_is_a_remark() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sorted");
    let line = |key: &str, copied: &str| {
        format!("{{\"bucket\":\"b\",\"key\":\"{key}\",\"copied\":{{{copied}}}}}\n")
    };
    let bare = "\"size\":1,\"sha256\":\"\"";
    let many: String = (0..400).map(|number| line(&format!("k/m{number:03}"), bare)).collect();
    let of_folder = "{\"bucket\":\"b\",\"key\":\"k/\",\"folder\":{}}\n";
    let remarked = |keys: &[&str]| Some(keys.iter().map(|key| (*key).to_owned()).collect());
    let keys_of = |sorted: &Sorted, folder: &str| -> Option<Vec<String>> {
        let remarks = sorted.remarks(folder).unwrap();
        remarks.map(|remarks| remarks.records.into_iter().map(|record| record.key).collect())
    };
    for (odd, expected) in [
        (String::new(), remarked(&[])),
        (line("k/z", bare), remarked(&[])),
        (line("k/z", &format!("{bare},\"file\":\"x\"")), remarked(&["k/z"])),
        (line("k/z", &format!("{bare},\"metadata\":{{\"a\":\"b\"}}")), remarked(&["k/z"])),
        // Spelled differently.
        (line("k/z", &format!("{bare},\"\\u0066ile\":\"x\"")), None),
        (line("k\\u002fz", bare), None),
        (line("k/z", bare).replace("{\"bucket", "{ \"bucket"), None),
        (line("k/y/z", bare), None),
        (line("k/z", &format!("\"file\":\"{}\"", "x".repeat(REMARKS))), None),
    ] {
        for before in [line("a", bare), line("k-/a", &format!("{bare},\"file\":\"x\""))] {
            let after = line("l/a", &format!("{bare},\"file\":\"x\""));
            std::fs::write(&path, format!("{before}{of_folder}{many}{odd}{after}")).unwrap();
            let sorted = Sorted::open(&path).unwrap();
            assert_eq!(keys_of(&sorted, "b/k/"), expected, "{}", odd.get(..99).unwrap_or(&odd));
            assert_eq!(keys_of(&sorted, "b/l/"), remarked(&["l/a"]));
            assert_eq!(keys_of(&sorted, "b/none/"), remarked(&[]));
            assert_eq!(keys_of(&sorted, "c/"), remarked(&[]));
        }
    }
    std::fs::write(&path, format!("{many}{{\"bucket\":\"b\",\"key\":\"k/z\"")).unwrap();
    assert!(Sorted::open(&path).unwrap().remarks("b/k/").is_err(), "it was cut");
}

#[test]
fn a_folder_is_not_taken_for_the_object_of_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sorted");
    let object = "{\"bucket\":\"b\",\"key\":\"k\",\"absent\":true}\n";
    let of_folder = "{\"bucket\":\"b\",\"key\":\"k\",\"folder\":{}}\n";
    // Spelled differently, it is the same record.
    let spaced = "{ \"key\": \"k\", \"bucket\": \"\\u0062\", \"absent\": true }\n";
    for (text, has) in [
        (of_folder.to_owned(), [false, true]),
        (object.to_owned(), [true, false]),
        (format!("{object}{of_folder}"), [true, true]),
        (format!("{spaced}{of_folder}"), [true, true]),
    ] {
        std::fs::write(&path, &text).unwrap();
        let sorted = Sorted::open(&path).unwrap();
        for (folder, has) in [false, true].into_iter().zip(has) {
            let found = sorted.get(&Order { path: "b/k".into(), folder }).unwrap();
            assert_eq!(found.map(|record| record.order().folder), has.then_some(folder), "{text}");
        }
    }
    // An invalid line is not a record, wherever it is found.
    let twice = "{\"bucket\":\"b\",\"key\":\"k\",\"key\":\"x\"}\n";
    std::fs::write(&path, format!("{{\"bucket\":\"a\",\"key\":\"k\"}}\n{twice}")).unwrap();
    assert!(Sorted::open(&path).unwrap().get(&Order::at("b/k")).is_err());
}

/// What is kept in memory is bounded, whoever wrote the file.
#[test]
fn oversized_records_are_damage() {
    use crate::source::mirror::ledger::layers::{JOURNAL, JOURNAL_BYTES, Layers, MANIFEST};
    let folder = tempfile::tempdir().unwrap();
    let open = || Layers::open(folder.path(), folder.path());
    let long = "x".repeat(5_000);
    for (line, is_fine) in [
        ("{\"bucket\":\"b\",\"key\":\"k\",\"listed\":{\"size\":1}}".to_owned(), true),
        (format!("{{\"bucket\":\"b\",\"key\":\"{long}\",\"listed\":{{\"size\":1}}}}"), false),
        (format!("{{\"bucket\":\"{long}\",\"key\":\"k\",\"listed\":{{\"size\":1}}}}"), false),
        ("[\"b\",\"k\",{\"size\":1}]".to_owned(), false),
    ] {
        std::fs::write(folder.path().join(MANIFEST), line + "\n").unwrap();
        let listed = open().and_then(|layers| layers.entries(&Order::default())?.next().map(drop));
        let found = open().and_then(|layers| layers.get(&Order::at("b/k")).map(drop));
        assert_eq!((listed.is_ok(), found.is_ok()), (is_fine, is_fine));
    }
    std::fs::remove_file(folder.path().join(MANIFEST)).unwrap();
    let journal = std::fs::File::create(folder.path().join(JOURNAL)).unwrap();
    journal.set_len(JOURNAL_BYTES).unwrap();
    assert!(open().is_ok());
    journal.set_len(JOURNAL_BYTES + 1).unwrap();
    assert!(open().is_err());
}
