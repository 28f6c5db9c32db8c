//! Inputs that spreadsheets changed, through the command: nothing wrong is sent, and labels are kept.

use std::fs;

use super::support::{Folder, MIGRATE, PHONE, SYNC, Simulated, cams, run};

const HEADER: &str = "CustSpaceId,MobileNumber,CountryCode\n";

/// The messages about an input of migrations that is refused.
#[track_caller]
fn refused(input: impl AsRef<[u8]>, options: &[&str]) -> String {
    let simulated = Simulated::unlimited();
    let folder = Folder::migrations(0);
    fs::write(&folder.input, input).unwrap();
    let ran = folder.ends(&[&["--endpoint", simulated.url()], options].concat(), 2);
    assert!(ran.stderr.contains("nothing was sent") || ran.stderr.contains("cannot be read"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("13900001234"), "{}", ran.stderr);
    assert_eq!((simulated.requests(), folder.journal.exists()), (0, false));
    ran.stderr
}

/// The numbers that are sent for an input of migrations, and the messages.
#[track_caller]
fn sent(input: impl AsRef<[u8]>) -> (Vec<String>, String) {
    let simulated = Simulated::unlimited();
    let folder = Folder::migrations(0);
    fs::write(&folder.input, input).unwrap();
    let ran = folder.ends(&["--endpoint", simulated.url(), "--max-in-flight", "1"], 0);
    let number = |received: &alibabacloud_simulator::Received| {
        ["CountryCode", "MobileNumber"].map(|name| received.parameter(name).unwrap_or_default().to_owned()).join(" ")
    };
    (simulated.simulator.received().iter().map(|received| number(received)).collect(), ran.stderr)
}

#[test]
fn an_unknown_column_is_a_label_in_journal_and_report() {
    let simulated = Simulated::unlimited();
    let folder = Folder::syncs(0);
    fs::write(&folder.input, "Customer,Cust Space ID,Region\n陈先生,s1,华东\nLi & Sons,s2,\n").unwrap();
    folder.ends(&["--endpoint", simulated.url()], 0);
    let sending = folder.journal().lines.into_iter().find(|line| line["row"] == 1).unwrap();
    assert_eq!(sending["labels"], serde_json::json!({ "Customer": "陈先生", "Region": "华东" }));
    assert_eq!(sending["parameters"], serde_json::json!({ "CustSpaceId": "s1" }));
    assert!(simulated.simulator.received().iter().all(|received| received.parameter("Customer").is_none()));
    let report = |options: &[&str]| {
        let ran = run(cams([&["report", folder.journal.to_str().unwrap()], options].concat()));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stdout
    };
    for text in [report(&["--html", "-"]), report(&["--format", "csv"])] {
        assert!(text.contains("陈先生") && text.contains("Customer") && text.contains("华东"), "{text}");
    }

    let ran = folder.ends(&["--dry-run", "--columns", "strict"], 2);
    assert!(ran.stderr.contains(":1: the column `Customer` is not a parameter"), "{}", ran.stderr);
}

#[test]
fn a_name_that_resembles_a_parameter_is_refused_until_an_option_assigns_it() {
    let input = format!("CustSpaceId,CountryCode,Mobile\ns1,86,{PHONE}\n");
    let said = refused(&input, &[]);
    assert!(
        said.contains(":1: is the column `Mobile` the parameter MobileNumber?")
            && said.contains("--column \"Mobile=MobileNumber\""),
        "{said}"
    );
    let folder = Folder::migrations(0);
    fs::write(&folder.input, &input).unwrap();
    let ran = folder.ends(&["--simulate", "--column", "Mobile=MobileNumber"], 0);
    assert!(ran.stdout.starts_with("1 done"), "{}", ran.stdout);
    let said = refused("CustSpaceId,CountryCode,MobileNumber,Mobile Numbr\ns1,86,139,x\n", &[]);
    assert!(said.contains("--label \"Mobile Numbr\""), "{said}");
}

#[test]
fn changed_values_are_findings_with_line_column_and_fix() {
    for value in
        ["2.9e+14", "2.9E14", "13900001234.0", "nan", "#REF!", "13900001234,0", "1.39E+10", "139000012340000000"]
    {
        let said = refused(format!("{HEADER}s1,\"{value}\",86\n"), &[]);
        assert!(said.contains(":2: MobileNumber (column 2): "), "{value}: {said}");
        let said = refused(format!("{HEADER}\"{value}\",139,86\n"), &[]);
        assert!(said.contains(":2: CustSpaceId (column 1): "), "{value}: {said}");
    }
    for (c, name) in [
        ('\u{202a}', "U+202A"),
        ('\u{200b}', "U+200B"),
        ('\u{a0}', "U+00A0"),
        ('\u{feff}', "U+FEFF"),
        ('\0', "U+0000"),
        ('１', "U+FF11"),
    ] {
        let said = refused(format!("{HEADER}s1,139{c}00001234,86\n"), &[]);
        assert!(said.contains(&format!(":2: MobileNumber (column 2): character 4: {name} is ")), "{said}");
    }
    // Many findings of one kind: the first ones, and the number of the others.
    let many = (0..2000).fold(HEADER.to_owned(), |text, row| text + &format!("s{row},1.39E+{},86\n", 10 + row));
    let said = refused(many, &[]);
    assert_eq!(said.lines().count(), 12, "{said}");
    assert!(said.contains("1,990 more rows: MobileNumber (column 2): ") && said.contains("2,000 findings"), "{said}");
}

#[test]
fn utf_16_is_read_whether_or_not_it_says_so() {
    for mark in ["", "\u{feff}"] {
        for big in [false, true] {
            let text = format!("{mark}CustSpaceId\tMobileNumber\tCountryCode\tCustomer\r\ns1\t139\t86\t陈\r\n");
            let bytes: Vec<u8> = text
                .encode_utf16()
                .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
                .collect();
            assert_eq!(sent(bytes).0, ["86 139"]);
        }
    }
}

#[test]
fn five_spellings_of_a_number_are_the_same_number() {
    let spellings = [
        "13900001234",
        "139 0000 1234",
        "+86139 0000 1234",
        "139-0000-1234",
        " 13900001234 ",
        "'13900001234",
        "=\"13900001234\"",
        "8613900001234",
    ];
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    for spelling in spellings {
        let (numbers, said) = sent(format!("{HEADER}s1,{},86\n", quoted(spelling)));
        let expected = if spelling.starts_with("86") { "86 8613900001234" } else { "86 13900001234" };
        assert_eq!(numbers, [expected], "{spelling}");
        assert_eq!(said.contains("note: MobileNumber"), spelling.contains("86"), "{spelling}: {said}");
    }
    let all =
        spellings.iter().fold(HEADER.to_owned(), |text, spelling| text + &format!("s1,{},86\n", quoted(spelling)));
    let said = refused(all, &[]);
    assert_eq!(said.matches("the row has the same effect as line 2").count(), spellings.len() - 1, "{said}");
}

#[test]
fn a_duplicate_country_code_is_noted_before_the_first_call() {
    let folder = Folder::migrations(0);
    fs::write(&folder.input, format!("{HEADER}s1,8613955501234,86\ns2,{PHONE},+86\n")).unwrap();
    for options in [&["--dry-run"][..], &["--simulate"]] {
        let ran = folder.ends(options, 0);
        assert!(
            ran.stderr.contains("note: MobileNumber (column 2): the number begins with the digits of its country code"),
            "{}",
            ran.stderr
        );
        assert!(
            ran.stderr.contains("(line 2)")
                && ran.stderr.contains("note: CountryCode (column 3): +86 and 0086 are sent as 86 (line 3)"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn a_separator_line_blank_cells_and_a_workbook_are_recognized() {
    assert_eq!(
        sent("sep=;\r\nCustSpaceId;MobileNumber;CountryCode;;\r\n;;;;\r\ns1;139;86;;\r\n;;;;\r\n").0,
        ["86 139"]
    );
    assert!(refused(b"PK\x03\x04\x14\0\x06\0", &[]).contains("it is an Excel or OpenDocument workbook"));
    let said =
        refused("{\"CustSpaceId\":\"a\",\"CustSpaceId\":\"b\",\"MobileNumber\":\"1\",\"CountryCode\":\"86\"}\n", &[]);
    assert!(said.contains(":1: CustSpaceId is in the object twice"), "{said}");
}

#[test]
fn quotation_marks_that_merge_rows_are_a_finding() {
    let said = refused(format!("{HEADER}\"s1,139,86\ns2\",138,86\n"), &[]);
    assert!(said.contains(":2: "), "{said}");
    let said = refused("CustSpaceId,MobileNumber,CountryCode,Customer\ns1,139,86,\"Chen\ns2,138,86,Li\"\n", &[]);
    assert!(said.contains(":2: a quotation mark opens on this line"), "{said}");
}

#[test]
fn rows_can_be_appended_to_the_input_of_a_journal() {
    let simulated = Simulated::unlimited();
    let folder = Folder::migrations(3);
    let options = ["--endpoint", simulated.url()];
    folder.ends(&options, 0);
    let before = fs::read_to_string(&folder.input).unwrap();
    fs::write(&folder.input, format!("{before}s4,86,{PHONE}\ns5,86,{PHONE}\n")).unwrap();
    let ran = folder.ends(&["--dry-run"], 0);
    assert!(ran.stdout.starts_with("2 calls") && ran.stdout.contains("3 rows already done"), "{}", ran.stdout);
    let ran = folder.ends(&options, 0);
    assert!(
        ran.stdout.starts_with("5 done\n2 rows sent") && ran.stderr.contains("2 rows were appended to its input"),
        "{} {}",
        ran.stdout,
        ran.stderr
    );
    assert_eq!(simulated.simulator.counts().of(MIGRATE).accepted, 5);
    // And again; the appended rows are counted from here on.
    let ran = folder.ends(&options, 0);
    assert!(ran.stdout.starts_with("nothing left to do"), "{}", ran.stdout);
    fs::write(&folder.input, before).unwrap();
    let ran = folder.ends(&options, 2);
    assert!(ran.stderr.contains("belongs to another input: its 5 rows"), "{}", ran.stderr);
}

/// 2,000 rows as spreadsheets export them: every problem is found, and there is no false finding.
#[test]
fn a_workbook_of_2000_rows_goes_in_as_excel_and_libre_office_export_it() {
    let columns = |row: usize| {
        let customer = match row % 5 {
            0 => "陈记茶行; 上海".to_owned(),
            1 => "O'Brien, \"Best\" & Sons".to_owned(),
            2 => "Line one\nLine two, with a comma".to_owned(),
            3 => String::new(),
            _ => format!("Customer {row}"),
        };
        [
            customer,
            format!("29348393884{row:05}"),
            String::new(),
            format!("{}", 13_900_000_000_u64 + row as u64),
            "86".to_owned(),
            String::new(),
        ]
    };
    let table = |rows: usize| -> Vec<[String; 6]> {
        let mut table =
            vec![["Customer", "Cust Space ID", "", "Mobile Number", "Country Code", ""].map(ToOwned::to_owned)];
        table.extend((1..=rows).map(columns));
        table.insert(700, std::array::from_fn(|_| String::new()));
        table
    };
    let export = |table: &[[String; 6]], delimiter: u8, all_quoted: bool| {
        let style = if all_quoted { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .quote_style(style)
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        for line in table {
            writer.write_record(line).unwrap();
        }
        String::from_utf8(writer.into_inner().unwrap()).unwrap()
    };
    let good = table(2000);
    let utf_16 =
        |text: &str| -> Vec<u8> { format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let exports: [(&str, Vec<u8>); 6] = [
        ("Excel, CSV UTF-8", format!("\u{feff}{}", export(&good, b',', false)).into_bytes()),
        ("Excel in Germany", format!("\u{feff}{}", export(&good, b';', false)).into_bytes()),
        ("Excel, Unicode text", utf_16(&export(&good, b'\t', false))),
        ("with sep=;", format!("sep=;\r\n{}", export(&good, b';', false)).into_bytes()),
        ("LibreOffice, all quoted", export(&good, b',', true).into_bytes()),
        ("Excel for the Mac", export(&good, b';', false).replace("\r\n", "\r").into_bytes()),
    ];
    for (name, bytes) in exports {
        let folder = Folder::migrations(0);
        fs::write(&folder.input, bytes).unwrap();
        let ran = folder.ends(&["--dry-run"], 0);
        assert_eq!(
            (ran.stdout.lines().next(), &*ran.stderr),
            (Some("2,000 calls of CreateChatappMigrationInitiate"), ""),
            "{name}"
        );
    }

    // The same workbook, damaged in a few places.
    let mut damaged = table(2000);
    damaged[10][3] = "1.39E+10".to_owned();
    damaged[20][1] = "2.93484E+14".to_owned();
    damaged[30][3] = format!("\u{202a}{}\u{202c}", damaged[30][3]);
    damaged[40][4] = "+86".to_owned();
    damaged[50][3] = format!("+86 {}", damaged[50][3]);
    damaged[70][5] = "call back".to_owned();
    damaged[80][1] = "#N/A".to_owned();
    damaged[90][1].clear();
    let folder = Folder::migrations(0);
    fs::write(&folder.input, export(&damaged, b';', false)).unwrap();
    let ran = folder.ends(&["--dry-run"], 2);
    let findings: Vec<&str> = ran.stderr.lines().collect();
    // Line numbers are those of the file, in which every fifth customer has two lines.
    let line = |row: usize| format!(":{}: ", row + 1 + (row + 2) / 5);
    for (row, what) in [(10, "scientific"), (20, "scientific"), (30, "U+202A"), (80, "#N/A"), (90, "is empty")] {
        let place = line(row);
        assert!(
            findings.iter().any(|finding| finding.contains(&place) && finding.contains(what)),
            "{place} {what}: {findings:#?}"
        );
    }
    assert_eq!(findings.len(), 6, "{findings:#?}");
    assert!(findings[5].contains("5 findings; nothing was sent"), "{findings:#?}");
}

#[test]
fn a_journal_readable_by_others_is_made_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::syncs(1);
    fs::write(&folder.journal, "").unwrap();
    fs::set_permissions(&folder.journal, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = folder.ends(&["--simulate"], 0);
    assert!(ran.stderr.contains("it was readable by others; its permissions are now 600"), "{}", ran.stderr);
    assert_eq!(fs::metadata(&folder.journal).unwrap().permissions().mode() & 0o777, 0o600);
    let again = folder.ends(&["--simulate", "--retry-failed"], 0);
    assert_eq!(again.stderr, "");
    assert_eq!(folder.journal().lines[0]["action"], SYNC);
}
