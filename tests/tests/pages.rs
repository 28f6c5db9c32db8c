//! Listings: the pages of an action one after the other, and their items.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use alibabacloud_runtime::pages::{Items, Paged, Pages};
use alibabacloud_runtime::testing::CannedTransport;
use alibabacloud_runtime::transport::{Handover, TransportFuture};
use alibabacloud_runtime::{
    CallOptions, Client, Credentials, Error, ErrorKind, Product, RetryPolicy, Throttle, Transport, TransportError,
};
use alibabacloud_simulator::{Answer, Gateway, Simulator};
use bytes::Bytes;
use conformance::gateway_transport::GatewayTransport;
use conformance::library::{
    Library, ListBooks, ListFines, ListLoans, ListReaders, ListShelves, PRODUCT, SearchBooks, search_books,
};
use futures_core::Stream;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

fn client(transport: impl Transport + 'static) -> Client<Library> {
    let client = Client::builder().credentials(Credentials::new("testid", "testsecret")).throttle(Throttle::off());
    client.endpoint("http://127.0.0.1:8080").transport(transport).build().unwrap()
}

fn gateway() -> Arc<Gateway> {
    Arc::new(Simulator::builder(&[&PRODUCT]).gateway().unwrap())
}

/// A client of the simulator whose requests and answers take 5 ms each.
fn simulated(gateway: &Arc<Gateway>, throttle: Throttle) -> Client<Library> {
    let transport = GatewayTransport::new(gateway.clone(), Duration::from_millis(5), Duration::from_millis(5));
    let client = Client::builder().credentials(Credentials::new("testid", "testsecret")).throttle(throttle);
    client.endpoint("http://127.0.0.1:8080").transport(transport).build().unwrap()
}

/// Everything that comes, up to the first error.
async fn all<A: Paged>(mut items: Items<A>) -> (Vec<A::Item>, Option<Error>) {
    let mut all = Vec::new();
    while let Some(item) = items.next().await {
        match item {
            Ok(item) => all.push(item),
            Err(error) => {
                assert!(items.next().await.is_none(), "an error ends the listing");
                return (all, Some(error));
            }
        }
    }
    assert!(items.next().await.is_none());
    (all, None)
}

fn canned(pages: impl IntoIterator<Item = Value>) -> CannedTransport {
    pages.into_iter().fold(CannedTransport::new(), |transport, page| transport.respond(200, page.to_string()))
}

fn parameters(transport: &CannedTransport, name: &str) -> Vec<Option<String>> {
    transport.sent().iter().map(|sent| sent.parameter(name)).collect()
}

fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| Some((*value).to_owned())).collect()
}

/// A page of books.
fn books(titles: &[&str], token: impl Into<Value>) -> Value {
    let token: Value = token.into();
    let books: Vec<_> = titles.iter().map(|title| json!({ "Title": title })).collect();
    json!({ "Code": "OK", "RequestId": "A-1", "NextToken": token, "Books": { "Book": books } })
}

/// A page of loans.
fn loans(titles: &[&str], total: impl Into<Value>) -> Value {
    let total: Value = total.into();
    json!({ "Code": "OK", "Data": { "TotalCount": total, "Loans": { "Loan": titles } } })
}

async fn titles(items: Items<ListBooks>) -> (Vec<String>, Option<Error>) {
    let (books, error) = all(items).await;
    (books.into_iter().map(|book| book.title.unwrap()).collect(), error)
}

#[tokio::test(start_paused = true)]
async fn every_item_comes_once_whatever_the_style_and_the_size() {
    let gateway = gateway();
    let client = simulated(&gateway, Throttle::new());
    for (count, size) in [(0, 10), (1, 10), (9, 10), (10, 10), (11, 10), (30, 10), (7, 1), (25, 100)] {
        let numbers: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
        let objects = |key: &'static str| numbers.iter().map(move |number| json!({ key: number }).to_string());
        let pages = usize::max(1, numbers.len().div_ceil(size));
        let requests =
            |action: &str| gateway.take_received().iter().filter(|it| it.action.as_deref() == Some(action)).count();
        let size = i32::try_from(size).unwrap();

        gateway.serve_items("ListBooks", objects("Title"));
        let request = ListBooks::builder().max_results(size).build();
        assert_eq!(titles(client.items(request)).await.0, numbers);
        assert_eq!(requests("ListBooks"), pages);

        gateway.serve_items("ListReaders", objects("Name"));
        let (readers, error) = all(client.items(ListReaders::builder().max_items(i64::from(size)).build())).await;
        assert_eq!(
            (readers.into_iter().map(|it| it.name.unwrap()).collect::<Vec<_>>(), error.is_none()),
            (numbers.clone(), true)
        );
        assert_eq!(requests("ListReaders"), pages);

        gateway.serve_items("ListLoans", numbers.iter().map(|number| format!("\"{number}\"")));
        let (loans, error) = all(client.items(ListLoans::builder().page_size(size.to_string()).build())).await;
        assert_eq!((loans, error.is_none()), (numbers.clone(), true));
        assert_eq!(requests("ListLoans"), pages, "the number of all items is known");

        gateway.serve_items("ListShelves", objects("name"));
        let (shelves, error) = all(client.items(ListShelves::builder().per_page(i64::from(size)).build())).await;
        assert_eq!(
            (shelves.into_iter().map(|it| it.name.unwrap()).collect::<Vec<_>>(), error.is_none()),
            (numbers.clone(), true)
        );
        // Without it, only an empty page, or one with fewer items than an earlier page, is known to be the last.
        let whole = count / usize::try_from(size).unwrap();
        let expected = if whole == 0 && count > 0 { 2 } else { whole + 1 };
        assert_eq!(requests("ListShelves"), expected);

        gateway.serve_items("ListFines", (1..=count).map(|number| number.to_string()));
        let (fines, error) = all(client.items(ListFines::builder().limit(i64::from(size)).build())).await;
        assert_eq!((fines.len(), error.is_none()), (count, true));
        assert_eq!(requests("ListFines"), pages, "the number of all items is known");

        gateway.serve_items("SearchBooks", (1..=count).map(|id| json!({ "id": id }).to_string()));
        let mut body = search_books::Body::default();
        body.limit = Some(size.into());
        let (hits, error) = all(client.items(SearchBooks::builder().library("l 1").body(body).build())).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(hits.len(), count);
        assert_eq!(requests("SearchBooks"), pages);
    }
}

#[tokio::test]
async fn the_request_of_a_page_is_the_first_one_with_another_position() {
    let transport = canned([books(&["a"], json!("T-1")), books(&["b"], json!(17)), books(&["c"], Value::Null)]);
    let request = ListBooks::builder().shelf("S").max_results(1).build();
    let (found, error) = titles(client(transport.clone()).items(request)).await;
    assert_eq!((found, error.is_none()), (vec!["a".to_owned(), "b".to_owned(), "c".to_owned()], true));
    assert_eq!(parameters(&transport, "NextToken"), [None, Some("T-1".to_owned()), Some("17".to_owned())]);
    assert_eq!(parameters(&transport, "Shelf"), some(&["S", "S", "S"]));
    assert_eq!(parameters(&transport, "MaxResults"), some(&["1", "1", "1"]));

    // From the page that the request names.
    let transport = canned([loans(&["a"], json!("9")), loans(&["b"], json!(9)), loans(&[], json!(9))]);
    let client = client(transport.clone());
    assert_eq!(all(client.items(ListLoans::builder().page_number(5).build())).await.0, ["a", "b"]);
    assert_eq!(parameters(&transport, "PageNumber"), some(&["5", "6", "7"]));
}

#[tokio::test]
async fn a_listing_that_begins_in_the_middle_ends_at_the_total() {
    let transport = canned([loans(&["c", "d"], 6), loans(&["e", "f"], 6)]);
    let (found, error) = all(client(transport.clone()).items(ListLoans::builder().page_number(2).build())).await;
    assert_eq!((found.len(), error.is_none(), transport.sent().len()), (4, true, 2));
}

#[tokio::test]
async fn the_service_knows_the_number_of_its_first_page_best() {
    let numbered = |number: Value, title: &str| {
        let mut page = loans(&[title], 2);
        page["Data"]["PageNumber"] = number;
        page
    };
    for (number, second) in [(json!(0), "1"), (json!("0"), "1"), (json!(1), "2"), (Value::Null, "2")] {
        let transport = canned([numbered(number, "a"), numbered(Value::Null, "b")]);
        assert_eq!(all(client(transport.clone()).items(ListLoans::new())).await.0, ["a", "b"]);
        assert_eq!(parameters(&transport, "PageNumber"), [None, Some(second.to_owned())]);
    }
}

#[tokio::test]
async fn a_listing_by_token_ends_where_no_token_is_given_out() {
    for end in [Value::Null, json!(""), json!(" "), json!("null"), json!("NULL"), json!({})] {
        let mut last = books(&["b"], end.clone());
        if end == json!({}) {
            last.as_object_mut().unwrap().remove("NextToken");
        }
        let transport = canned([books(&[], json!("T-1")), last]);
        let (found, error) = titles(client(transport.clone()).items(ListBooks::new())).await;
        // A page without items is no end.
        assert_eq!((found, error.is_none(), transport.sent().len()), (vec!["b".to_owned()], true, 2), "{end}");
    }
    let hit = |id: i64, from: Value, exists: Value| json!({ "hits": [{ "id": id }], "next": { "from": from, "exists": exists } });
    for last in [
        hit(2, json!(0), Value::Null),
        hit(2, json!(-1), Value::Null),
        hit(2, json!(20), json!(false)),
        json!({ "hits": [{ "id": 2 }] }),
    ] {
        let transport = canned([hit(1, json!("10"), json!("true")), last.clone()]);
        let (found, error) = all(client(transport).items(SearchBooks::new("l"))).await;
        assert_eq!((found.len(), error.is_none()), (2, true), "{last}");
    }
}

#[tokio::test]
async fn a_marker_is_asked_for_only_while_the_flag_says_that_more_follows() {
    let page = |name: &str, more: Value, marker: Value| json!({ "Code": "OK", "IsTruncated": more, "Marker": marker, "Readers": { "Reader": [{ "Name": name }] } });
    let transport = canned([page("a", json!(true), json!("m1")), page("b", json!("false"), json!("m2"))]);
    assert_eq!(all(client(transport.clone()).items(ListReaders::new())).await.0.len(), 2);
    assert_eq!(parameters(&transport, "Marker"), [None, Some("m1".to_owned())]);

    let transport = canned([page("a", json!(true), json!(""))]);
    let (found, error) = all(client(transport).items(ListReaders::new())).await;
    assert_eq!(found.len(), 1, "what came is not lost");
    let error = error.unwrap();
    assert_eq!(error.kind(), ErrorKind::UnusableResponse);
    assert!(error.to_string().contains("`IsTruncated` says that a page follows, but there is no `Marker`"), "{error}");
}

#[tokio::test]
async fn numbered_pages_end_at_the_total_or_at_a_short_page() {
    // (pages, size that is asked for, requests)
    let unknown = Value::Null;
    let sized = |titles: &[&str], size: u32| {
        let mut page = loans(titles, Value::Null);
        page["Data"]["PageSize"] = size.into();
        page
    };
    for (pages, size, requests) in [
        // The total, as a number and as text; pages that are shorter than asked for are no end then.
        (vec![loans(&["a", "b"], json!(3)), loans(&["c"], json!(3))], "2", 2),
        (vec![loans(&["a"], json!("2")), loans(&["b"], json!("2"))], "2", 2),
        // It may be wrong, and an empty page ends all.
        (vec![loans(&["a"], json!(9)), loans(&[], json!(9))], "1", 2),
        // A total of 0 beside items is none.
        (vec![loans(&["a"], json!(0)), loans(&["b"], json!(-1)), loans(&[], json!(0))], "1", 3),
        // Unknown: a page that is shorter than one before it, or than the service says; an empty one. A first page that is
        // shorter than asked for is no end: the service may have reduced the size.
        (vec![loans(&["a", "b"], unknown.clone()), loans(&["c"], unknown.clone())], "2", 2),
        (vec![loans(&["a"], unknown.clone()), loans(&[], unknown.clone())], "2", 2),
        (
            vec![
                loans(&["a", "b"], unknown.clone()),
                loans(&["c", "d"], unknown.clone()),
                loans(&["e"], unknown.clone()),
            ],
            "100",
            3,
        ),
        (vec![loans(&["a", "b"], unknown.clone()), loans(&["c"], unknown.clone())], "", 2),
        (vec![loans(&["a"], unknown.clone()), loans(&[], unknown.clone())], "", 2),
        (vec![sized(&["a", "b"], 2), sized(&["c", "d"], 2), sized(&["e"], 2)], "100", 3),
    ] {
        let expected: usize = pages.iter().map(|page| page["Data"]["Loans"]["Loan"].as_array().unwrap().len()).sum();
        let transport = canned(pages.clone());
        let mut request = ListLoans::new();
        request.page_size = Some(size.to_owned()).filter(|size| !size.is_empty());
        let (found, error) = all(client(transport.clone()).items(request)).await;
        assert!(error.is_none(), "{error:?}: {pages:?}");
        assert_eq!((found.len(), transport.sent().len()), (expected, requests), "{pages:?}");
    }
}

/// A page that comes again would be asked for without end: after 1, 2 or 3 pages.
#[tokio::test]
async fn pages_that_repeat_end_with_an_error_whatever_the_period() {
    for period in 1..=3_usize {
        for start in [None, Some("T-0")] {
            // Without a token, the first request is not part of the cycle.
            let tokens = |number: usize| format!("T-{}", (number + 1) % period);
            let transport = canned((0..20).map(|number| books(&["a"], json!(tokens(number)))));
            let mut request = ListBooks::new();
            request.next_token = start.map(ToOwned::to_owned);
            let mut items = client(transport.clone()).items(request);
            let mut came = 0;
            let error = loop {
                match items.next().await.expect("an error comes first") {
                    Ok(_) => came += 1,
                    Err(error) => break error,
                }
            };
            let pages = period + usize::from(start.is_none());
            assert_eq!((came, transport.sent().len()), (pages, pages), "{period} {start:?}");
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::UnusableResponse, false));
            let text = format!("the pages repeat: the `NextToken` of page {pages} is that of an earlier page");
            assert!(error.to_string().contains(&text), "{error}");
            assert!(!format!("{error:?}").contains("T-"), "{error:?}");
            assert_eq!((error.request_id(), items.next_request()), (Some("A-1"), None));
        }

        let pages = (0..20).map(|number| loans(&[&format!("n{}", number % period)], json!(1000)));
        let transport = canned(pages);
        let (found, error) = all(client(transport.clone()).items(ListLoans::new())).await;
        assert_eq!((found.len(), transport.sent().len()), (period, period + 1), "no item comes twice");
        let error = error.unwrap().to_string();
        assert!(error.contains("the service may not know `PageNumber`"), "{error}");
    }
}

/// Numbers and words can be equal on several pages.
#[tokio::test]
async fn pages_of_equal_items_are_no_repetition_while_the_list_comes_to_an_end() {
    let transport = canned((0..3).map(|_| loans(&["x", "x"], json!(6))));
    let (found, error) = all(client(transport.clone()).items(ListLoans::new())).await;
    assert_eq!((found.len(), error.is_none(), transport.sent().len()), (6, true, 3));

    // Without a total, the service must repeat the number of the request.
    let numbered = |number: u32, count: usize| {
        let mut page = loans(&vec!["x"; count], Value::Null);
        page["Data"]["PageNumber"] = number.into();
        page
    };
    let transport = canned([numbered(1, 2), numbered(2, 2), numbered(3, 2), numbered(4, 1)]);
    let (found, error) = all(client(transport.clone()).items(ListLoans::new())).await;
    assert_eq!((found.len(), error.is_none()), (7, true));
    for pages in [vec![numbered(1, 2); 3], vec![loans(&["x", "x"], Value::Null); 3]] {
        let transport = canned(pages);
        let (found, error) = all(client(transport.clone()).items(ListLoans::new())).await;
        assert_eq!((found.len(), transport.sent().len()), (2, 2));
        assert!(error.unwrap().to_string().contains("may not know `PageNumber`"));
    }
}

/// A page of fines.
fn fines(fines: &[i64], total: impl Into<Value>) -> Value {
    let total: Value = total.into();
    json!({ "Code": "OK", "Total": total, "Fines": fines })
}

#[tokio::test]
async fn an_offset_is_the_number_of_items_before_a_page() {
    let transport = canned([fines(&[1, 2], 5), fines(&[3, 4], 5), fines(&[5], 5)]);
    let (found, error) = all(client(transport.clone()).items(ListFines::builder().limit(2).build())).await;
    assert_eq!((found, error.is_none()), (vec![1, 2, 3, 4, 5], true));
    assert_eq!(parameters(&transport, "Offset"), [None, Some("2".to_owned()), Some("4".to_owned())]);
    assert_eq!(parameters(&transport, "Limit"), some(&["2", "2", "2"]));

    // From the offset of the request; without a total, up to a shorter page. An offset in the response, which may be that
    // of the next page, is not used.
    let mut first = fines(&[11, 12], Value::Null);
    first["Offset"] = json!(12);
    for (start, expected) in
        [(None, [None, Some("2".to_owned())]), (Some(10), [Some("10".to_owned()), Some("12".to_owned())])]
    {
        let transport = canned([first.clone(), fines(&[13], Value::Null)]);
        let mut request = ListFines::new();
        request.offset = start;
        let (found, error) = all(client(transport.clone()).items(request)).await;
        assert_eq!((found, error.is_none()), (vec![11, 12, 13], true));
        assert_eq!(parameters(&transport, "Offset"), expected);
    }
    // The total counts what is before the first request.
    let transport = canned([fines(&[11, 12], 12)]);
    assert_eq!(all(client(transport.clone()).items(ListFines::builder().offset(10).build())).await.0, [11, 12]);
    assert_eq!(transport.sent().len(), 1);
    // The same page again.
    let transport = canned((0..9).map(|_| fines(&[1, 2], 100)));
    let (found, error) = all(client(transport.clone()).items(ListFines::new())).await;
    assert_eq!(found, [1, 2]);
    assert!(error.unwrap().to_string().contains("may not know `Offset`"));
}

#[tokio::test]
async fn what_does_not_fit_its_type_is_no_end() {
    let mut list = books(&[], json!("T-1"));
    list["Books"] = json!(["a"]);
    let transport = canned([list, books(&["b"], Value::Null)]);
    let once = CallOptions::new().retry(RetryPolicy::never());
    let mut pages = client(transport).pages_with(ListBooks::builder().shelf("S").build(), once.clone());
    let error = pages.next().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("its `Books.Book` does not fit the documented type"), "{error}");
    assert!(pages.next().await.is_none());
    assert_eq!(pages.next_request().unwrap().shelf.as_deref(), Some("S"));

    let flag =
        json!({ "Code": "OK", "IsTruncated": "maybe", "Marker": "m", "Readers": { "Reader": [{ "Name": "a" }] } });
    let (found, error) = all(client(canned([flag])).items_with(ListReaders::new(), once)).await;
    let error = error.unwrap().to_string();
    assert!(found.is_empty() && error.contains("its `IsTruncated` does not fit"), "{error}");

    // A token that the parameter cannot hold.
    let page = json!({ "hits": [{ "id": 1 }], "next": { "from": "elsewhere", "exists": true } });
    let (found, error) = all(client(canned([page])).items(SearchBooks::new("l"))).await;
    let error = error.unwrap().to_string();
    assert!(found.len() == 1 && error.contains("`next.from` does not fit the parameter `body.from`"), "{error}");
    assert!(!error.contains("elsewhere"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn after_an_error_the_listing_goes_on_without_losing_an_item() {
    let gateway = gateway();
    gateway.serve_items("ListBooks", (0..50).map(|number| json!({ "Title": number }).to_string()));
    let client = simulated(&gateway, Throttle::off());
    let request = ListBooks::builder().shelf("S").max_results(10).build();
    let mut items = client.items_with(request, CallOptions::new().retry(RetryPolicy::never()));
    let mut found = Vec::new();
    while found.len() < 20 {
        found.push(items.next().await.unwrap().unwrap().title.unwrap());
    }
    gateway.script("ListBooks", [Answer::error(503, "ServiceUnavailable", "Later.")]);
    let error = items.next().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some("ServiceUnavailable"));
    assert!(items.next().await.is_none() && items.next().await.is_none());
    let request = items.next_request().unwrap().clone();
    assert_eq!((request.next_token.as_deref(), request.shelf.as_deref()), (Some("20"), Some("S")));

    found.extend(titles(client.items(request)).await.0);
    assert_eq!(found, (0..50).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_stops_in_the_middle_of_a_page_can_go_on() {
    let gateway = gateway();
    gateway.serve_items("ListBooks", (0..30).map(|number| json!({ "Title": number }).to_string()));
    let client = simulated(&gateway, Throttle::off());
    let mut items = client.items(ListBooks::new());
    let mut positions = Vec::new();
    for _ in 0..30 {
        items.next().await.unwrap().unwrap();
        positions.push(items.next_request().map(|it| it.next_token.clone().unwrap_or_default()));
    }
    let expected = |taken: usize| match taken {
        0..=9 => Some(String::new()),
        30 => None,
        taken => Some((taken / 10 * 10).to_string()),
    };
    assert_eq!(positions, (1..=30).map(expected).collect::<Vec<_>>());
}

fn poll<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn no_page_is_requested_before_it_is_asked_for() {
    let transport = canned([books(&["a", "b"], json!("T-1")), books(&["c"], json!("T-2")), books(&["d"], Value::Null)]);
    let client = client(transport.clone());
    let mut items = client.items(ListBooks::new());
    let mut sent = Vec::new();
    for _ in 0..4 {
        tokio::task::yield_now().await;
        sent.push(transport.sent().len());
        items.next().await.unwrap().unwrap();
    }
    assert_eq!((sent, transport.sent().len()), (vec![0, 1, 1, 2], 3));
    assert!(items.next().await.is_none());
    assert_eq!(transport.sent().len(), 3, "the end is known");

    let metrics = tokio::runtime::Handle::current().metrics();
    assert_eq!(metrics.num_alive_tasks(), 0);
}

/// Sends like another transport, and counts the requests in flight.
#[derive(Debug, Clone)]
struct Watched(GatewayTransport, Arc<AtomicUsize>);

struct InFlight(Arc<AtomicUsize>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Transport for Watched {
    fn send(&self, request: http::Request<Bytes>, handover: &Handover) -> TransportFuture<'_> {
        let handover = handover.clone();
        Box::pin(async move {
            self.1.fetch_add(1, Ordering::Relaxed);
            let _in_flight = InFlight(self.1.clone());
            self.0.send(request, &handover).await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_is_dropped_leaves_nothing_behind() {
    let gateway = gateway();
    gateway.serve_items("ListBooks", (0..1000).map(|number| json!({ "Title": number }).to_string()));
    let in_flight = Arc::new(AtomicUsize::new(0));
    let transport = GatewayTransport::new(gateway.clone(), Duration::from_millis(5), Duration::from_millis(5));
    let client = Client::<Library>::builder()
        .credentials(Credentials::new("testid", "testsecret"))
        .endpoint("http://127.0.0.1:8080")
        .transport(Watched(transport, in_flight.clone()))
        .build()
        .unwrap();
    let metrics = tokio::runtime::Handle::current().metrics();
    let tasks = metrics.num_alive_tasks();

    // In flight.
    let mut pages = client.pages(ListBooks::new());
    assert!(timeout(Duration::from_millis(3), pages.next()).await.is_err());
    assert_eq!(in_flight.load(Ordering::Relaxed), 1);
    // Another poll goes on with the same call.
    pages.next().await.unwrap().unwrap();
    assert_eq!(gateway.counts().of("ListBooks").accepted, 1);
    assert!(timeout(Duration::from_millis(3), pages.next()).await.is_err());
    drop(pages);
    assert_eq!((in_flight.load(Ordering::Relaxed), metrics.num_alive_tasks()), (0, tasks));

    // Waiting for a permit: its place in the line is free for the next one.
    tokio::time::sleep(Duration::from_secs(5)).await;
    for _ in 0..10 {
        client.send(ListBooks::new()).await.unwrap();
    }
    let mut waiting: Vec<_> = (0..50).map(|_| client.pages(ListBooks::new())).collect();
    for pages in &mut waiting {
        assert!(poll(pages).is_pending());
    }
    drop(waiting);
    let began = Instant::now();
    client.send(ListBooks::new()).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!((in_flight.load(Ordering::Relaxed), metrics.num_alive_tasks()), (0, tasks));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_that_of_one_page() {
    let gateway = gateway();
    gateway.serve_items("ListBooks", (0..300).map(|number| json!({ "Title": number }).to_string()));
    let client = simulated(&gateway, Throttle::new());
    let began = Instant::now();
    let items = client.items_with(ListBooks::new(), CallOptions::new().deadline(Duration::from_millis(1500)));
    let (found, error) = titles(items).await;
    assert_eq!((found.len(), error.is_none()), (300, true));
    assert!(began.elapsed() > Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn each_page_is_retried_by_itself() {
    let gateway = gateway();
    gateway.serve_items("ListBooks", (0..20).map(|number| json!({ "Title": number }).to_string()));
    let busy = || Answer::error(503, "ServiceUnavailable", "Later.");
    gateway.script("ListBooks", [busy(), busy()]);
    let mut pages = simulated(&gateway, Throttle::new()).pages(ListBooks::new());
    assert_eq!(pages.next().await.unwrap().unwrap().attempts(), 3);
    gateway.script("ListBooks", [busy()]);
    assert_eq!(pages.next().await.unwrap().unwrap().attempts(), 2);
    assert!(pages.next().await.is_none());
}

/// 10,000 items in 100 pages under a limit of 10 a second.
#[tokio::test(start_paused = true)]
async fn a_long_listing_keeps_the_quota_full() {
    let gateway = gateway();
    gateway.serve_items("ListBooks", (0..10_000).map(|number| json!({ "Title": number }).to_string()));
    let client = simulated(&gateway, Throttle::new());
    let began = Instant::now();
    let (found, error) = titles(client.items(ListBooks::builder().max_results(100).build())).await;
    assert_eq!((found.len(), error.is_none()), (10_000, true));
    let counts = gateway.counts().of("ListBooks");
    assert_eq!((counts.accepted, counts.throttled), (100, 0));
    // The first ten are free: the other ninety need at least nine seconds.
    let used = 9.0 / began.elapsed().as_secs_f64();
    assert!(used >= 0.95, "{used}");
}

#[tokio::test]
async fn nothing_of_a_listing_is_printed() {
    let transport = canned([books(&["CANARY-title"], json!("CANARY-token"))]);
    let client = client(transport);
    let mut items = client.items(ListBooks::builder().shelf("CANARY-shelf").build());
    items.next().await.unwrap().unwrap();
    let mut pages: Pages<ListBooks> = client.pages(items.next_request().unwrap().clone());
    pages.next().await.unwrap().unwrap_err();
    for text in [format!("{items:?}"), format!("{pages:?}")] {
        assert!(text.contains("ListBooks") && !text.contains("CANARY"), "{text}");
    }
}

/// Fails to compile if a listing could not be read on another thread.
#[allow(dead_code, reason = "the compiler is the test")]
fn listings_are_send<P: Product, A: Paged<Product = P>>(client: &Client<P>, request: A) -> impl Send + Stream {
    client.items(request)
}

#[test]
fn without_async_code_a_listing_is_an_iterator() {
    let transport = canned([books(&["a", "b"], json!("T-1")), books(&["c"], Value::Null)]);
    let transport =
        transport.fail(TransportError::not_sent("down")).respond(200, books(&["d"], Value::Null).to_string());
    let client = alibabacloud_runtime::blocking::Client::new(client(transport.clone())).unwrap();
    let mut items = client.items(ListBooks::new());
    assert_eq!(items.next().unwrap().unwrap().title.as_deref(), Some("a"));
    assert_eq!((transport.sent().len(), items.next_request()), (1, Some(&ListBooks::new())));
    assert_eq!(items.by_ref().map(|item| item.unwrap().title.unwrap()).collect::<Vec<_>>(), ["b", "c"]);
    assert!(items.next().is_none() && items.next_request().is_none());

    let once = CallOptions::new().retry(RetryPolicy::never());
    let mut pages = client.pages_with(ListBooks::builder().shelf("S").build(), once);
    assert_eq!(pages.next().unwrap().unwrap_err().kind(), ErrorKind::NotSent);
    assert!(pages.next().is_none());
    let again = pages.next_request().unwrap().clone();
    assert_eq!(
        client.pages(again).map(|page| page.unwrap().books.clone().unwrap().book.len()).collect::<Vec<_>>(),
        [1]
    );
}
