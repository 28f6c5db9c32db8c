//! INI files.

use alibabacloud_credentials::{IniProfile, Setup, Source};

use crate::support::{Fake, Home, assumed, failed, id, ok, passed, permit, quiet, session};

fn source<'a>(home: &'a Home, variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> IniProfile {
    quiet(IniProfile::new().setup(Setup::new().environment(home.environment(variables))))
}

const KEY: &str = "[default]\ntype = access_key\naccess_key_id = ini\naccess_key_secret = CANARY#x;y ; mine\n";

#[tokio::test]
async fn both_default_paths_are_tried_and_a_hash_is_part_of_a_secret() {
    for path in [".alibabacloud/credentials.ini", ".alibabacloud/credentials"] {
        let home = Home::new();
        home.write(path, KEY);
        let found = source(&home, []).fetch().await.unwrap();
        assert_eq!(found.credentials().access_key_secret(), "CANARY#x;y");
        assert!(found.warnings().is_empty());
    }
    let message = passed(source(&Home::new(), []).fetch().await);
    assert!(message.contains("credentials.ini and ") && message.contains("/.alibabacloud/credentials"), "{message}");
}

#[tokio::test]
async fn variables_select_file_and_section() {
    let home = Home::new();
    let path = home.write("other.ini", &KEY.replace("default", "prod"));
    let named = [("ALIBABA_CLOUD_CREDENTIALS_FILE", path.as_str()), ("ALIBABA_CLOUD_PROFILE", "prod")];
    assert_eq!(id(source(&home, named).fetch().await), "ini");
    failed(source(&home, [("ALIBABA_CLOUD_CREDENTIALS_FILE", path.as_str())]).fetch().await);
    // A named file must exist.
    assert!(
        failed(source(&home, [("ALIBABA_CLOUD_CREDENTIALS_FILE", "/nowhere.ini")]).fetch().await)
            .contains("/nowhere.ini")
    );
    assert_eq!(id(IniProfile::new().file(&path).profile("prod").fetch().await), "ini");
}

#[tokio::test]
async fn every_type_is_read() {
    let sts = Fake::start(|_| ok(assumed("assumed"))).await;
    let metadata = Fake::start(|seen| ok(if seen.method == "PUT" { "t".to_owned() } else { session("ecs") })).await;
    let home = Home::new();
    let token = home.write("token", "CANARYoidc\n");
    let setup = || Setup::new().environment(home.environment([])).sts_endpoint(&sts.url).metadata_url(&metadata.url);
    let arn = "role_arn = acs:ram::1:role/x";
    let sections = [
        (
            format!(
                "type = ram_role_arn\naccess_key_id = a\naccess_key_secret = CANARY\n{arn}\nrole_session_name = me\n"
            ),
            "assumed",
        ),
        (format!("type = oidc_role_arn\n{arn}\noidc_provider_arn = p\noidc_token_file_path = {token}\n"), "assumed"),
        ("type = ecs_ram_role\nrole_name = app\n".to_owned(), "ecs"),
        ("type = ACCESS_KEY\naccess_key_id = k\naccess_key_secret = CANARY\nenable = true".to_owned(), "k"),
    ];
    for (section, expected) in sections {
        home.write(".alibabacloud/credentials.ini", &format!("[default]\n{section}"));
        assert_eq!(id(IniProfile::new().setup(setup()).fetch().await), expected);
    }
    assert_eq!(sts.seen()[0].form("RoleSessionName").as_deref(), Some("me"));
}

#[tokio::test]
async fn errors_name_the_problem_and_quote_nothing_of_the_file() {
    let absent = [
        "[default]\n",
        "[default]\ntype = access_key\naccess_key_id = a\naccess_key_secret = CANARY\nenable = false",
        "[CANARY]\ntype = access_key",
        "",
    ];
    let broken = [
        ("[default]\nCANARY", "line 2"),
        ("CANARY = x", "line 1"),
        ("[default]\naccess_key_id = CANARY", "lacks `type`"),
        ("[default]\ntype = access_key\naccess_key_id = CANARY", "lacks `access_key_id` or `access_key_secret`"),
        ("[default]\ntype = access_key\naccess_key_id = a\naccess_key_secret =", "lacks `access_key_id` or"),
        ("[default]\ntype = CANARY", "unknown `type`"),
        ("[default]\ntype = acces_key", "unknown `type` `acces_key`"),
        ("[default]\ntype = rsa_key_pair\npublic_key_id = CANARY", "retired"),
        ("[default]\ntype = ram_role_arn\nrole_arn = CANARY\naccess_key_id = a\naccess_key_secret = CANARY", "ARN"),
        ("[default]\ntype = ram_role_arn\nrole_arn = acs:ram::1:role/x", "lacks `access_key_id`"),
        ("[default]\ntype = oidc_role_arn\nrole_arn = acs:ram::1:role/x", "OIDC_PROVIDER_ARN"),
        ("[x]\n[default]\ntype = access_key\n[default]\naccess_key_id = CANARY", "`default`, on lines 2 and 4"),
        ("[default]\ntype = access_key\naccess_key_id = CANARY\nACCESS_KEY_ID: CANARY", "on lines 3 and 4"),
    ];
    let home = Home::new();
    for text in absent {
        home.write(".alibabacloud/credentials.ini", text);
        passed(source(&home, []).fetch().await);
    }
    for (text, words) in broken {
        home.write(".alibabacloud/credentials.ini", text);
        let message = failed(source(&home, []).fetch().await);
        assert!(message.contains(words), "{message}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_readable_by_others_is_used_with_a_warning() {
    let home = Home::new();
    let path = home.write(".alibabacloud/credentials.ini", KEY);
    permit(path.as_ref(), 0o644);
    let found = source(&home, []).fetch().await.unwrap();
    assert!(found.warnings()[0].contains("chmod 600"), "{:?}", found.warnings());
}

#[tokio::test]
async fn trailing_comments_are_removed() {
    let home = Home::new();
    let text = "[default] # mine\ntype = access_key  # AK\naccess_key_id = ini ; key\naccess_key_secret = \"CANARY\" # secret\n";
    home.write(".alibabacloud/credentials.ini", text);
    let found = source(&home, []).fetch().await.unwrap();
    assert_eq!(found.credentials(), &alibabacloud_credentials::Credentials::new("ini", "CANARY"));
}
