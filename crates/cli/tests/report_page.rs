//! The page of `cams report` in a browser: it makes no requests, logs nothing on the console, and works.

mod support;

use serde_json::{Value, json};
use support::browser::Browser;
use support::journal::{Folder, Journal, number, sample};
use support::{cams, run};

/// Writes a page from journals; returns its path.
#[track_caller]
fn page(folder: &Folder, arguments: &[&str]) -> String {
    let file = folder.path("page.html");
    let ran = run(cams(["report"].into_iter().chain(arguments.iter().copied()).chain(["--html", &file])));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    file
}

/// A page with every section.
fn whole_page(folder: &Folder, spaces: u64, numbers_a_space: u64) -> String {
    let before = folder.journal("before", &sample(spaces, numbers_a_space, false));
    let now = folder.journal("now", &sample(spaces, numbers_a_space, true));
    page(folder, &[&now, "--previous", &before])
}

/// Types into the search field, and waits until the table is updated.
fn search(browser: &mut Browser, text: &str) {
    browser.evaluate("document.getElementById('search').select()");
    browser.send("Input.insertText", &json!({ "text": text }));
    browser.evaluate("new Promise(done => setTimeout(done, 400))");
}

/// Presses Enter on the focused element.
fn press_enter(browser: &mut Browser) {
    for kind in ["keyDown", "keyUp"] {
        let key = json!({ "type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r" });
        browser.send("Input.dispatchKeyEvent", &key);
    }
}

/// The texts of a column of the table.
fn column(browser: &mut Browser, class: &str) -> Vec<String> {
    let texts =
        browser.evaluate(&format!("[...document.querySelectorAll('#body td.{class}')].map(cell => cell.textContent)"));
    texts.as_array().expect("a list").iter().map(|text| text.as_str().expect("text").to_owned()).collect()
}

fn text_of(browser: &mut Browser, id: &str) -> String {
    browser.evaluate(&format!("document.getElementById('{id}').textContent")).as_str().expect("text").to_owned()
}

#[test]
fn search_sort_filter_and_pages_work_without_requests_or_console_messages() {
    let folder = Folder::new("page-works");
    let Some(mut browser) = Browser::start(&folder) else { return };
    let file = whole_page(&folder, 300, 4);
    browser.open(&file);

    let all = text_of(&mut browser, "count");
    assert!(all.ends_with(" numbers") && !all.contains(" of "), "{all}");
    assert_eq!(column(&mut browser, "number").len(), 50);
    // The most urgent numbers are first.
    assert!(column(&mut browser, "status")[0].contains("BANNED"));

    search(&mut browser, "orchid  pending");
    let (names, statuses) = (column(&mut browser, "name"), column(&mut browser, "status"));
    assert!(!names.is_empty() && names.len() < 50, "{names:?}");
    assert!(names.iter().all(|name| name == "Orchid Hotels") && statuses.iter().all(|status| status == "PENDING"));
    assert!(text_of(&mut browser, "count").contains(&format!("{} of ", names.len())));
    search(&mut browser, "no such number");
    assert!(text_of(&mut browser, "body").contains("No number matches"));
    search(&mut browser, " ");
    assert_eq!(text_of(&mut browser, "count"), all);

    // By keyboard.
    for (key, class) in [("name", "name"), ("tier", "tier"), ("row", "row"), ("number", "number")] {
        browser.evaluate(&format!("document.querySelector('th[data-key={key}] button').focus()"));
        let mut firsts = Vec::new();
        for direction in ["ascending", "descending"] {
            press_enter(&mut browser);
            let sorted = browser.evaluate(
                "[...document.querySelectorAll('th[aria-sort]')].map(header => [header.dataset.key, header.ariaSort])",
            );
            assert_eq!(sorted, json!([[key, direction]]));
            firsts.push(column(&mut browser, class)[0].clone());
        }
        assert_ne!(firsts[0], firsts[1], "{key}");
    }
    browser.evaluate("document.querySelector('th[data-key=row] button').click()");
    assert_eq!(column(&mut browser, "row")[..3], ["1.1", "1.2", "1.3"]);
    browser.evaluate("document.querySelector('th[data-key=tier] button').click()");
    assert_eq!(column(&mut browser, "tier")[0], "250");
    browser.evaluate("document.querySelector('th[data-key=quality] button').click()");
    assert_eq!(column(&mut browser, "quality")[0], "RED");

    browser.evaluate("document.getElementById('next').click()");
    assert!(text_of(&mut browser, "page").starts_with("51–100 of "));
    browser.evaluate("document.querySelector('[data-filter=act]').click()");
    let filtered = column(&mut browser, "status");
    assert!(filtered.iter().all(|status| status == "BANNED" || status == "RESTRICTED"), "{filtered:?}");
    // The totals at the top are filters, too.
    browser.evaluate("document.querySelector('.totals [data-filter=fine]').click()");
    assert!(column(&mut browser, "status").iter().all(|status| status == "CONNECTED"));
    browser.evaluate("document.querySelector('[data-filter=worse]').click()");
    assert!(column(&mut browser, "why").iter().all(|why| why.contains("worse:")));

    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Presses the button, and returns the file that the browser would save.
fn download(browser: &mut Browser) -> String {
    let script = "new Promise(done => {
        URL.createObjectURL = blob => { blob.text().then(done); return '#'; };
        HTMLAnchorElement.prototype.click = () => {};
        document.getElementById('download').click();
    })";
    browser.evaluate(script).as_str().expect("text").to_owned()
}

#[test]
fn the_download_has_the_visible_rows_and_no_formula() {
    let folder = Folder::new("page-download");
    let Some(mut browser) = Browser::start(&folder) else { return };
    let mut journal = Journal::new(1);
    journal.done(
        "s",
        &[
            number("8613912340001", "=HYPERLINK(\"x\")", "BANNED", "GREEN", "TIER_1K"),
            number("8613912340002", "-1, \"two\"; three", "CONNECTED", "GREEN", "TIER_1K"),
            number("8613912340003", "Plain", "CONNECTED", "RED", "TIER_1K"),
        ],
    );
    let file = page(&folder, &[&folder.journal("now", &journal)]);
    browser.open(&file);
    assert_eq!(
        download(&mut browser),
        "Row,CustSpaceId,PhoneNumber,VerifiedName,Attention,Reason,Status,QualityRating,MessagingLimitTier,Change,ChangeText\n\
         1.1,s,86139••••0001,\"'=HYPERLINK(\"\"x\"\")\",act,\"banned by WhatsApp\",BANNED,GREEN,TIER_1K,,\n\
         1.3,s,86139••••0003,Plain,risk,\"low quality\",CONNECTED,RED,TIER_1K,,\n\
         1.2,s,86139••••0002,\"'-1, \"\"two\"\"; three\",,,CONNECTED,GREEN,TIER_1K,,\n"
    );
    browser.evaluate("document.querySelector('#filters [data-filter=risk]').click()");
    let filtered = download(&mut browser);
    assert!(filtered.lines().count() == 2 && filtered.contains("Plain"), "{filtered}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn hostile_values_are_inert() {
    let folder = Folder::new("page-hostile");
    let Some(mut browser) = Browser::start(&folder) else { return };
    let long = "<b>long</b>".repeat(1000);
    let hostile = [
        "<script>document.title = 'owned'</script>",
        "\"><img src=x onerror=\"document.title='owned'\">",
        "</script><script>document.title = 'owned'</script>",
        "javascript:document.title='owned'",
        "\u{202e}DENNAB\u{2066}",
        "<svg onload=document.title='owned'>",
        "{{data}} ${document.title='owned'} <!-- \u{2028}",
        "'\"&lt;&#x3c;script&#x3e;",
        &long,
    ];
    let mut journal = Journal::new(30);
    let mut before = Journal::new(30);
    for text in hostile {
        let numbers = [number(text, text, text, text, text), number("8613912340001", text, "BANNED", text, text)];
        journal.done(text, &numbers);
        journal.failed(text, "failed", text, text);
        before.done(
            text,
            &[number("8613912340001", "before", text, text, text), number("8613912340002", text, text, text, text)],
        );
    }
    let (now, before) = (folder.journal("now", &journal), folder.journal("before", &before));
    let file = page(&folder, &[&now, "--previous", &before, "--full"]);
    for width in [1280, 360] {
        browser.look(width, false);
        browser.open(&file);
        browser.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })");
        search(&mut browser, "<script>");
        search(&mut browser, " ");
        let title = browser.evaluate("document.title");
        assert!(title.as_str().is_some_and(|title| title.starts_with("WhatsApp numbers")), "{title}");
        // Elements and attributes that only a response could have added.
        let foreign = "document.querySelectorAll('main img, main script, main b, main a:not([href^=\"#\"]), [onerror], [onload]').length";
        assert_eq!(browser.evaluate(foreign), 0);
        assert_eq!(browser.evaluate("document.scripts.length"), 2);
        let names = column(&mut browser, "name");
        for text in &hostile[..4] {
            assert!(names.iter().any(|name| name == text), "{text} is not in {names:?}");
        }
        assert!(names.iter().all(|name| !name.contains(['\u{202e}', '\u{2028}']) && name.chars().count() <= 201));
        // Nothing is wider than the window.
        assert!(browser.evaluate("document.documentElement.scrollWidth").as_u64() <= Some(u64::from(width)));
        assert_eq!(browser.complaints(), Vec::<String>::new());
    }
}

#[test]
fn twenty_thousand_numbers_stay_usable() {
    let folder = Folder::new("page-large");
    let Some(mut browser) = Browser::start(&folder) else { return };
    let file = whole_page(&folder, 5000, 4);
    browser.open(&file);
    let numbers: u64 =
        text_of(&mut browser, "count").replace(',', "").split(' ').next().unwrap().parse().expect("a number");
    assert!(numbers > 19_500, "{numbers}");
    let elements = browser.evaluate("document.querySelectorAll('*').length").as_u64();
    assert!(elements < Some(20_000), "{elements:?} elements");

    // However fast the user types, the table is built once, and has at most one page of rows.
    browser.evaluate(
        "window.made = 0; new MutationObserver(changes => { window.made += changes.length }).observe(document.getElementById('body'), { childList: true })",
    );
    browser.evaluate("document.getElementById('search').focus()");
    for letter in "kopi banned".chars() {
        browser.send("Input.insertText", &json!({ "text": letter.to_string() }));
    }
    browser.evaluate("new Promise(done => setTimeout(done, 600))");
    let made = browser.evaluate("window.made").as_u64();
    assert!(made >= Some(1) && made <= Some(3), "the table was made {made:?} times");
    let names = column(&mut browser, "name");
    assert!(!names.is_empty() && names.len() <= 50 && names.iter().all(|name| name.contains("Kopi")));
    search(&mut browser, " ");

    // Printed only, because the machine may be busy.
    let timed = |what: &str| {
        format!("(() => {{ const began = performance.now(); {what}; return performance.now() - began }})()")
    };
    let mut sorted = Vec::new();
    for key in ["name", "number", "space", "status", "why"] {
        let click = timed(&format!("document.querySelector('th[data-key={key}] button').click()"));
        sorted.push((key, browser.evaluate(&click), browser.evaluate(&click)));
        assert_eq!(column(&mut browser, "name").len(), 50);
    }
    let load = browser.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd");
    eprintln!("{numbers} numbers: ready after {load} ms; sorted (first, again) in ms: {sorted:?}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_journal_without_numbers_has_a_page() {
    let folder = Folder::new("page-empty");
    let Some(mut browser) = Browser::start(&folder) else { return };
    let mut journal = Journal::new(2);
    journal.failed("s", "failed", "Ram.PermissionDeny", "You are not authorized to perform the operation.");
    let file = page(&folder, &[&folder.journal("now", &journal)]);
    browser.open(&file);
    browser.evaluate("document.querySelectorAll('th button').forEach(button => button.click())");
    let text = browser.evaluate("document.querySelector('main').innerText");
    let text = text.as_str().expect("text");
    for part in [
        "0 numbers",
        "No number is unusable or at risk.",
        "Ram.PermissionDeny",
        "1 row has not been sent",
        "No number matches",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn totals_and_the_attention_list_need_no_javascript() {
    let folder = Folder::new("page-plain");
    let Some(mut browser) = Browser::start(&folder) else { return };
    let file = whole_page(&folder, 300, 4);
    browser.send("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    browser.open(&file);
    let text = browser.evaluate("document.querySelector('main').innerText");
    let text = text.as_str().expect("text");
    for part in [
        "Act now",
        "Needs attention",
        "BANNED",
        "Since 2026-11-24",
        "Status",
        "CONNECTED",
        "This table needs JavaScript",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("Download CSV"), "{text}");
}

/// The lowest contrast between a text and its background, and the text.
const LOWEST_CONTRAST: &str = "(() => {
    const luminance = color => {
        const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map(Number)
            .map(part => part / 255).map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = element => {
        for (; element; element = element.parentElement) {
            const color = getComputedStyle(element).backgroundColor;
            if (!color.startsWith('rgba(0, 0, 0, 0')) return color;
        }
    };
    let lowest = [Infinity, ''];
    const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
    let texts = 0;
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        const text = walker.currentNode.textContent.trim();
        if (!text || !element.checkVisibility() || ['TITLE', 'DESC', 'NOSCRIPT'].includes(element.tagName.toUpperCase())) continue;
        texts++;
        const style = getComputedStyle(element);
        const [a, b] = [luminance(element.tagName === 'text' ? style.fill : style.color), luminance(ground(element))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < lowest[0]) lowest = [contrast, text];
    }
    return [texts, ...lowest];
})()";

#[test]
fn the_page_fits_a_phone_and_is_readable_in_light_and_dark() {
    let folder = Folder::new("page-looks");
    let Some(mut browser) = Browser::start(&folder) else { return };
    let file = whole_page(&folder, 300, 4);
    let mut grounds = Vec::new();
    for (width, dark) in [(1280, false), (1280, true), (360, false), (360, true)] {
        browser.look(width, dark);
        browser.open(&file);
        assert!(browser.evaluate("document.documentElement.scrollWidth").as_u64() <= Some(u64::from(width)));
        let contrast = browser.evaluate(LOWEST_CONTRAST);
        assert!(contrast[0].as_u64() > Some(400), "{contrast}");
        // WCAG 2, level AA.
        assert!(contrast[1].as_f64() >= Some(4.5), "{contrast} at {width}, dark: {dark}");
        grounds.push(browser.evaluate("getComputedStyle(document.body).backgroundColor"));
        if let Some(pictures) = std::env::var_os("SCREENSHOTS") {
            let name = format!("{width}-{}.png.base64", if dark { "dark" } else { "light" });
            let picture = browser.screenshot();
            std::fs::write(std::path::Path::new(&pictures).join(name), picture).expect("the picture can be written");
        }
    }
    assert_ne!(grounds[0], grounds[1], "dark is not light");
    assert_eq!(unlabelled(&mut browser), json!([]));
}

/// Controls and drawings without a label for screen readers.
fn unlabelled(browser: &mut Browser) -> Value {
    browser.evaluate(
        "[...document.querySelectorAll('button, input, table, svg[role=img], summary')]
            .filter(element => !(element.textContent.trim() || element.labels?.length || element.ariaLabel || element.getAttribute('aria-labelledby')))
            .map(element => element.outerHTML)",
    )
}

#[test]
fn labels_are_columns_that_can_be_searched_and_sorted() {
    let folder = Folder::new("page-labels");
    let Some(mut browser) = Browser::start(&folder) else { return };
    let mut journal = Journal::new(3);
    for (row, customer) in [(1, "陈记茶行"), (2, "Li <b>"), (3, "Abel")] {
        journal.line(&json!({
            "row": row, "line": row + 1, "at": "2026-11-25T07:02:00.120Z", "state": "sending",
            "parameters": { "CustSpaceId": format!("s{row}") }, "labels": { "客户": customer, "Region": "East" },
        }));
        let numbers = [number(&format!("861391234000{row}"), "n", "BANNED", "GREEN", "TIER_1K")];
        journal.line(&json!({ "row": row, "at": "2026-11-25T07:02:00.120Z", "state": "done", "answer": { "Code": "OK", "PhoneNumbers": numbers } }));
    }
    let file = page(&folder, &[&folder.journal("now", &journal)]);
    for width in [1280, 360] {
        browser.look(width, false);
        browser.open(&file);
        assert_eq!(column(&mut browser, "label"), ["陈记茶行", "East", "Li <b>", "East", "Abel", "East"]);
        assert!(browser.evaluate("document.documentElement.scrollWidth").as_u64() <= Some(u64::from(width)));
    }
    browser.evaluate("document.querySelector('th[data-key=label-0] button').click()");
    assert_eq!(column(&mut browser, "label")[0], "Abel");
    search(&mut browser, "陈记");
    assert_eq!(column(&mut browser, "label"), ["陈记茶行", "East"]);
    assert!(download(&mut browser).lines().next().is_some_and(|head| head.ends_with(",ChangeText,客户,Region")));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
