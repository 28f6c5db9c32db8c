#!/usr/bin/env python3
"""Gives the same files and variables to the official Python package for credentials and to ours, and compares what they pick.

    python official_credentials.py PROGRAM        the example `which_credentials` of alibabacloud-credentials

Needs the package alibabacloud_credentials. Nothing leaves this machine: the official package's requests are answered inside its
process, ours by a server on loopback. Prints a line for every case; intended differences are listed with their
reason. Ends with a status other than 0 if a case differs in another way.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qs

# The names of the sources there and here.
NAMES = {
    "env": "environment",
    "oidc_role_arn": "OIDC role",
    "cli_profile": "CLI profile",
    "profile": "INI profile",
    "ecs_ram_role": "ECS RAM role",
    "credential_uri": "credentials URI",
}
ROLE = "acs:ram::1:role/x"


def session(key):
    return {
        "Code": "Success",
        "AccessKeyId": key,
        "AccessKeySecret": "secret",
        "SecurityToken": "token",
        "Expiration": "2099-01-02T03:04:05Z",
    }


def metadata(path):
    """The metadata service: status and body."""
    if os.environ.get("TEST_NO_ROLE"):
        return 404, ""
    if path.endswith("/api/token"):
        return 200, "t"
    return (200, "app") if path.endswith("/") else (200, json.dumps(session("ecs")))


def assumed(parameters):
    base = parameters.get("AccessKeyId", "oidc")
    return 200, json.dumps({"RequestId": "r", "Credentials": session(base + ">role")})


def official():
    """In a separate process, because the package reads the environment when it is imported."""
    from Tea.core import TeaCore

    def answer(request, _options=None):
        host = request.headers["host"]
        if host == "100.100.100.200":
            status, body = metadata(request.pathname)
        elif host.startswith("sts"):
            status, body = assumed(request.query)
        else:
            status, body = 200, json.dumps(session("uri"))
        return SimpleNamespace(status_code=status, body=body.encode(), headers={})

    TeaCore.do_action = staticmethod(answer)
    from alibabacloud_credentials.provider import DefaultCredentialsProvider

    try:
        found = DefaultCredentialsProvider().get_credentials()
    except Exception:
        return
    print(NAMES[found.get_provider_name().split("/")[1]])
    print(found.get_access_key_id())


class Service(BaseHTTPRequestHandler):
    """The metadata service, STS and a credentials URI, for ours."""

    def answer(self):
        length = int(self.headers.get("content-length") or 0)
        form = {key: values[0] for key, values in parse_qs(self.rfile.read(length).decode()).items()}
        if self.path.startswith("/uri"):
            status, body = 200, json.dumps(session("uri"))
        elif self.path.startswith("/none"):
            status, body = 404, ""
        elif self.path.startswith("/latest"):
            status, body = metadata(self.path)
        else:
            status, body = assumed(form)
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_):
        pass


def picked(command, environment):
    lines = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout.split("\n")
    return tuple(lines[:2]) if len(lines) > 2 else None


KEY = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "env", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret"}
OIDC = {
    "ALIBABA_CLOUD_ROLE_ARN": ROLE,
    "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "acs:ram::1:oidc-provider/p",
    "ALIBABA_CLOUD_OIDC_TOKEN_FILE": "HOME/token",
}
CLI, INI = ".aliyun/config.json", ".alibabacloud/credentials.ini"
CLI_KEY = {"access_key_id": "cli", "access_key_secret": "secret"}
INI_KEY = "[default]\ntype = access_key\naccess_key_id = ini\naccess_key_secret = secret\n"


def cli(mode, current="p", **fields):
    return json.dumps({"current": current, "profiles": [{"name": "p", "mode": mode, **fields}]})


def cases():
    """Name, variables, files, whether there is a role at the metadata service, and why the pick may differ."""
    sources = ["env", "oidc", "cli", "ini", "ecs", "uri"]
    for there in itertools.product([False, True], repeat=6):
        env, oidc, config, ini, ecs, uri = there
        variables = {**(KEY if env else {}), **(OIDC if oidc else {})}
        if uri:
            variables["ALIBABA_CLOUD_CREDENTIALS_URI"] = "URL/uri"
        files = {**({CLI: cli("AK", **CLI_KEY)} if config else {}), **({INI: INI_KEY} if ini else {})}
        yield "+".join(name for name, is_there in zip(sources, there) if is_there) or "nothing", variables, files, ecs, None

    role = {"ram_role_arn": ROLE, "ram_session_name": "me", "expired_seconds": 900}
    yield "CLI StsToken", {}, {CLI: cli("StsToken", sts_token="t", **CLI_KEY)}, False, None
    yield "CLI RamRoleArn", {}, {CLI: cli("RamRoleArn", **CLI_KEY, **role)}, False, None
    yield "CLI EcsRamRole", {}, {CLI: cli("EcsRamRole", ram_role_name="app")}, True, None
    yield "CLI OIDC", {}, {CLI: cli("OIDC", oidc_provider_arn="p", oidc_token_file="HOME/token", **role)}, False, None
    chain = json.dumps({"current": "a", "profiles": [
        {"name": "a", "mode": "ChainableRamRoleArn", "source_profile": "b", **role},
        {"name": "b", "mode": "RamRoleArn", **CLI_KEY, **role},
    ]})
    yield "CLI ChainableRamRoleArn", {}, {CLI: chain}, False, None
    program = """printf '{"mode":"AK","access_key_id":"ext","access_key_secret":"s"}'"""
    yield "CLI External", {}, {CLI: cli("External", process_command=program)}, False, None
    yield "another profile by variable", {"ALIBABA_CLOUD_PROFILE": "q"}, {
        CLI: json.dumps({"current": "p", "profiles": [{"name": "q", "mode": "AK", **CLI_KEY}]})}, False, None
    yield "unknown profile, then INI", {"ALIBABA_CLOUD_PROFILE": "q"}, {
        CLI: cli("AK", **CLI_KEY), INI: INI_KEY.replace("default", "q")}, False, None
    yield "CLI profile switched off", {"ALIBABA_CLOUD_CLI_PROFILE_DISABLED": "true"}, {
        CLI: cli("AK", **CLI_KEY), INI: INI_KEY}, False, None
    yield "metadata switched off", {"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true", "ALIBABA_CLOUD_CREDENTIALS_URI": "URL/uri"}, {}, True, None
    yield "CLI profile that was never configured, then INI", {}, {CLI: cli(""), INI: INI_KEY}, False, None
    yield "the ARN of a role alone, then INI", {"ALIBABA_CLOUD_ROLE_ARN": ROLE}, {INI: INI_KEY}, False, None
    yield "INI file by variable", {"ALIBABA_CLOUD_CREDENTIALS_FILE": "HOME/x.ini"}, {"x.ini": INI_KEY}, False, None
    yield "INI ram_role_arn", {}, {INI: INI_KEY.replace("access_key\n", f"ram_role_arn\nrole_arn = {ROLE}\n")}, False, None
    yield "INI ecs_ram_role", {}, {INI: "[default]\ntype = ecs_ram_role\nrole_name = app\n"}, True, None

    fails = "a source that is set up and fails ends the search: the next one may have another identity"
    part = "a source that is set up in part ends the search: the next one may have another identity"
    yield "half a key in the environment, then INI", {"ALIBABA_CLOUD_ACCESS_KEY_ID": "x"}, {INI: INI_KEY}, False, part
    yield "CLI profile without a key, then INI", {}, {CLI: cli("AK"), INI: INI_KEY}, False, part
    empty = {"access_key_id": "x", "access_key_secret": ""}
    yield "CLI profile with an empty secret, then ECS", {}, {CLI: cli("AK", **empty)}, True, part
    two = {key: value for key, value in OIDC.items() if not key.endswith("FILE")}
    yield "two variables of OIDC, then ECS", two, {}, True, part
    yield "INI section without a type, then ECS", {}, {INI: INI_KEY.replace("type = access_key\n", "")}, True, part
    named = "a source that is named and missing ends the search: the next one may have another identity"
    yield "a profile that is nowhere, then ECS", {"ALIBABA_CLOUD_PROFILE": "q"}, {CLI: cli("AK", **CLI_KEY)}, True, named
    yield "a current profile that is not there, then ECS", {}, {CLI: cli("AK", current="q", **CLI_KEY)}, True, named
    twice = "of two profiles with one name neither is picked silently"
    profile = {"name": "p", "mode": "AK", **CLI_KEY}
    yield "two profiles of one name", {}, {CLI: json.dumps({"current": "p", "profiles": [profile, profile]})}, False, twice
    added = "a key that no signature verifies with is refused before it is used"
    quoted = {**KEY, "ALIBABA_CLOUD_ACCESS_KEY_ID": '"env"'}
    yield "quotation marks around a key", quoted, {}, False, added
    yield "a blank after a secret", {}, {CLI: cli("AK", access_key_id="cli", access_key_secret="secret ")}, False, added
    commented = INI_KEY.replace("]", "] # mine").replace("= access_key\n", "= access_key  # AK\n")
    yield "INI with comments", {}, {INI: commented}, False, None
    yield "OIDC without its token, then ECS", {**OIDC, "ALIBABA_CLOUD_OIDC_TOKEN_FILE": "/nowhere"}, {}, True, fails
    yield "broken JSON, then ECS", {}, {CLI: "{"}, True, fails
    yield "broken INI, then ECS", {}, {INI: "nonsense"}, True, fails
    yield "unknown mode, then ECS", {}, {CLI: cli("New")}, True, fails
    yield "a named INI file that is not there, then ECS", {"ALIBABA_CLOUD_CREDENTIALS_FILE": "/nowhere"}, {}, True, fails
    case = "modes in any case, as the official command line has them"
    yield "CLI mode in lower case", {}, {CLI: cli("ak", **CLI_KEY)}, False, case
    yield "CLI CredentialsURI", {}, {CLI: cli("CredentialsURI", credentials_uri="URL/uri")}, False, "the official command line has the mode"
    other = "the path of the official SDKs for Go and Node"
    yield "INI in its other spelling", {}, {".alibabacloud/credentials": INI_KEY}, False, other
    prefix = "the prefixes of the official command line"
    yield "ALICLOUD_", {"ALICLOUD_ACCESS_KEY_ID": "x", "ALICLOUD_ACCESS_KEY_SECRET": "s"}, {}, False, prefix
    config = "the variable of the official SDK for Go"
    yield "CLI file by variable", {"ALIBABA_CLOUD_CONFIG_FILE": "HOME/x.json"}, {"x.json": cli("AK", **CLI_KEY)}, False, config
    yield "INI switched off", {}, {INI: INI_KEY + "enable = false\n"}, False, "`enable` as the official SDK for Java has it"


def main(program):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    failures, differences = 0, []
    for name, variables, files, ecs, reason in cases():
        with tempfile.TemporaryDirectory() as home:
            fill = lambda text: text.replace("HOME", home).replace("URL", url)
            for path, text in {"token": "oidc-token", **files}.items():
                path = os.path.join(home, path)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(fill(text))
                os.chmod(path, 0o600)
            environment = {key: fill(value) for key, value in variables.items()}
            environment |= {"HOME": home, "PATH": os.environ["PATH"]}
            theirs = picked([sys.executable, __file__, "--official"], environment | ({} if ecs else {"TEST_NO_ROLE": "1"}))
            ours = picked([program, url if ecs else url + "/none"], environment | {"ALIBABA_CLOUD_STS_ENDPOINT": url})
        if ours == theirs:
            print(f"ok      {name}: {' '.join(ours) if ours else 'nothing'}")
        elif reason:
            differences.append(f"{name}: official {theirs}, ours {ours}: {reason}")
        else:
            failures += 1
            print(f"FAILED  {name}: official {theirs}, ours {ours}")
        if ours == theirs and reason:
            failures += 1
            print(f"FAILED  {name}: no difference any more, take the reason out: {reason}")
    for difference in differences:
        print(f"differs {difference}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    official() if sys.argv[1] == "--official" else main(sys.argv[1])
