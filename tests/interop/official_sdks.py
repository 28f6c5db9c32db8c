#!/usr/bin/env python3
"""Calls a simulator through the official Python SDKs, unmodified.

    python official_sdks.py URL        e.g. http://127.0.0.1:40123

Needs the packages alibabacloud_cams20200606 (V3 and V1 signatures) and aliyun-python-sdk-core (V1). The simulator must
know the key testid / testsecret and the two actions ChatappSyncPhoneNumber and CreateChatappMigrationInitiate. Prints a
line for every check and ends with a status other than 0 at the first one that fails.
"""

import json
import logging
import sys
import time
from urllib.parse import urlsplit

from alibabacloud_cams20200606 import models
from alibabacloud_cams20200606.client import Client
from alibabacloud_tea_openapi import models as openapi
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest

VERSION = "2020-06-06"
SPACE = "293483938849493"
# Everything that an encoder may get wrong.
ODD_SPACE = "a b+c*d~e/f&g=h%i'(j)!k:\u00e9\u4e2d\U0001f600"
MIGRATION = {"CustSpaceId": SPACE, "MobileNumber": "13900001234", "CountryCode": "86"}


def check(what, got, expected):
    if got != expected:
        print(f"FAILED  {what}: expected {expected!r}, got {got!r}")
        sys.exit(1)
    print(f"ok      {what}")


def slow_down():
    """Stays under the documented 10 requests per second."""
    time.sleep(0.11)


def new_client(endpoint, algorithm=None, secret="testsecret"):
    config = openapi.Config(
        access_key_id="testid",
        access_key_secret=secret,
        endpoint=endpoint,
        protocol="http",
        region_id="ap-southeast-1",
        signature_algorithm=algorithm,
    )
    return Client(config)


def code_of(call):
    """The code of the error that a call ends with, or of its answer."""
    slow_down()
    try:
        return call().body.code
    except Exception as error:  # The SDKs raise several types, all with a code.
        return getattr(error, "code", None) or repr(error)


def generated_client(endpoint, algorithm, name):
    client = new_client(endpoint, algorithm)

    slow_down()
    request = models.ChatappSyncPhoneNumberRequest(cust_space_id=SPACE)
    response = client.chatapp_sync_phone_number(request)
    check(f"{name}: ChatappSyncPhoneNumber, status", response.status_code, 200)
    check(f"{name}: ChatappSyncPhoneNumber, code", response.body.code, "OK")
    check(f"{name}: ChatappSyncPhoneNumber, quality", response.body.phone_numbers[0].quality_rating, "GREEN")
    check(f"{name}: ChatappSyncPhoneNumber, a fresh request id", len(response.body.request_id), 36)
    check(f"{name}: the request id is in the header too", response.headers["x-acs-request-id"], response.body.request_id)

    odd = models.ChatappSyncPhoneNumberRequest(cust_space_id=ODD_SPACE, owner_id=1, resource_owner_account="a+b c")
    check(f"{name}: odd characters, more parameters", code_of(lambda: client.chatapp_sync_phone_number(odd)), "OK")
    empty = models.ChatappSyncPhoneNumberRequest(cust_space_id="")
    check(f"{name}: an empty value is a value", code_of(lambda: client.chatapp_sync_phone_number(empty)), "OK")

    slow_down()
    request = models.CreateChatappMigrationInitiateRequest(
        cust_space_id=SPACE, mobile_number="13900001234", country_code="86"
    )
    response = client.create_chatapp_migration_initiate(request)
    check(f"{name}: CreateChatappMigrationInitiate, code", response.body.code, "OK")
    check(f"{name}: CreateChatappMigrationInitiate, status of the move", response.body.data.status, "MIGRATING")

    short = models.CreateChatappMigrationInitiateRequest(cust_space_id=SPACE, country_code="86")
    got = code_of(lambda: client.create_chatapp_migration_initiate(short))
    check(f"{name}: a parameter is missing", got, "MissingMobileNumber")

    wrong = new_client(endpoint, algorithm, secret="wrong")
    request = models.ChatappSyncPhoneNumberRequest(cust_space_id=SPACE)
    got = code_of(lambda: wrong.chatapp_sync_phone_number(request))
    check(f"{name}: a wrong secret", got, "SignatureDoesNotMatch")


def core_client(endpoint):
    def call(action, query=None, body=None, method="POST", secret="testsecret"):
        slow_down()
        client = AcsClient("testid", secret, "ap-southeast-1", auto_retry=False)
        request = CommonRequest(domain=endpoint, version=VERSION, action_name=action)
        request.set_protocol_type("http")
        request.set_method(method)
        request.set_accept_format("json")
        for key, value in (query or {}).items():
            request.add_query_param(key, value)
        for key, value in (body or {}).items():
            request.add_body_params(key, value)
        try:
            return json.loads(client.do_action_with_exception(request))["Code"]
        except ServerException as error:
            return error.get_error_code()

    sync, migrate = "ChatappSyncPhoneNumber", "CreateChatappMigrationInitiate"
    odd = {"CustSpaceId": ODD_SPACE}
    check("core: query, POST", call(sync, query=odd), "OK")
    check("core: query, GET", call(sync, query=odd, method="GET"), "OK")
    check("core: body", call(sync, body=odd), "OK")
    check("core: query, three parameters", call(migrate, query=MIGRATION), "OK")
    check("core: body, three parameters", call(migrate, body=MIGRATION), "OK")
    rest = {key: value for key, value in MIGRATION.items() if key != "CustSpaceId"}
    check("core: query and body", call(migrate, query={"CustSpaceId": SPACE}, body=rest), "OK")
    check("core: a parameter is missing", call(migrate, body=rest), "MissingCustSpaceId")
    check("core: an unknown action", call("NoSuchAction"), "InvalidApi.NotFound")
    check("core: a wrong secret", call(sync, query=odd, secret="wrong"), "SignatureDoesNotMatch")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    logging.disable(logging.CRITICAL)
    endpoint = urlsplit(sys.argv[1]).netloc or sys.argv[1]
    generated_client(endpoint, None, "V3")
    generated_client(endpoint, "v2", "V1")
    core_client(endpoint)


if __name__ == "__main__":
    main()
