#!/usr/bin/env python3
"""Captures how an official SDK calls actions of the ROA style, for the runtime's test of signatures.

    python capture_roa.py > crates/runtime/tests/roa-captures.json

Needs the package alibabacloud_cs20151215. A server on this machine takes the requests; nothing leaves it. The keys are made up.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from alibabacloud_cs20151215 import models
from alibabacloud_cs20151215.client import Client
from alibabacloud_tea_openapi.models import Config
from darabonba.runtime import RuntimeOptions

# Everything that an encoder may get wrong.
ODD = "a b+c*d~e/f&g=h%i'(j)!k:é中😀"
captured = []


class Handler(BaseHTTPRequestHandler):
    def answer(self):
        length = int(self.headers.get("content-length") or 0)
        captured.append(
            {
                "method": self.command,
                "target": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": self.rfile.read(length).decode("utf-8"),
            }
        )
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer

    def log_message(self, *_):
        pass


def main():
    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = Config(
        access_key_id="testid",
        access_key_secret="testsecret",
        endpoint=f"127.0.0.1:{server.server_port}",
        protocol="http",
        region_id="cn-hangzhou",
    )
    client, runtime, m = Client(config), RuntimeOptions(), models
    headers = {"x-acs-workspace": "ws-1"}
    tags = [m.Tag(key="k 1", value=ODD)]
    # The method of the SDK, the template of the path, the values in it, the request.
    calls = [
        ("describe_clusters", "/clusters", {}, m.DescribeClustersRequest(name=ODD)),
        ("describe_cluster_detail", "/clusters/{ClusterId}", {"ClusterId": ODD}, None),
        ("create_cluster", "/clusters", {}, m.CreateClusterRequest(name=ODD, cluster_type="Kubernetes", num_of_nodes=3, tags=tags)),
        ("modify_cluster", "/api/v2/clusters/{ClusterId}", {"ClusterId": "c-1"}, m.ModifyClusterRequest(cluster_name=ODD)),
        ("delete_cluster", "/clusters/{ClusterId}", {"ClusterId": "c-1"}, m.DeleteClusterRequest(keep_slb=True)),
        ("scale_out_cluster", "/api/v2/clusters/{ClusterId}", {"ClusterId": ODD}, m.ScaleOutClusterRequest(count=2, key_pair=ODD)),
        ("describe_cluster_node_pools", "/clusters/{ClusterId}/nodepools", {"ClusterId": "c-1"}, m.DescribeClusterNodePoolsRequest(nodepool_name=ODD)),
        ("scale_cluster_node_pool", "/clusters/{ClusterId}/nodepools/{NodepoolId}", {"ClusterId": "c-1", "NodepoolId": ODD}, m.ScaleClusterNodePoolRequest(count=1)),
        ("modify_cluster_node_pool", "/clusters/{ClusterId}/nodepools/{NodepoolId}", {"ClusterId": "c-1", "NodepoolId": "np-1"}, m.ModifyClusterNodePoolRequest(update_nodes=True)),
        ("delete_cluster_nodepool", "/clusters/{ClusterId}/nodepools/{NodepoolId}", {"ClusterId": "c-1", "NodepoolId": "np-1"}, m.DeleteClusterNodepoolRequest(force=True)),
        ("tag_resources", "/tags", {}, m.TagResourcesRequest(region_id="cn-hangzhou", resource_ids=["a", ODD], resource_type="CLUSTER", tags=tags)),
        ("untag_resources", "/tags", {}, m.UntagResourcesRequest(region_id="cn-hangzhou", resource_ids=["a", ODD], resource_type="CLUSTER", tag_keys=["k 1"])),
        ("list_tag_resources", "/tags", {}, m.ListTagResourcesRequest(region_id="cn-hangzhou", resource_ids=["a", "b"], resource_type="CLUSTER", tags=tags)),
        ("create_template", "/templates", {}, m.CreateTemplateRequest(name="t", template="a: 1\nb: é\n", tags="x")),
        ("update_template", "/templates/{TemplateId}", {"TemplateId": "t-1"}, m.UpdateTemplateRequest(name=ODD)),
        ("delete_template", "/templates/{TemplateId}", {"TemplateId": ODD}, None),
        ("describe_events", "/events", {}, m.DescribeEventsRequest(cluster_id="c-1", type="t+1", page_size=5)),
        ("describe_user_permission", "/permissions/users/{uid}", {"uid": "123"}, None),
        ("grant_permissions", "/permissions/users/{uid}", {"uid": "123"}, m.GrantPermissionsRequest(body=[m.GrantPermissionsRequestBody(cluster="c-1", role_name=ODD, is_custom=True)])),
        ("install_cluster_addons", "/clusters/{ClusterId}/components/install", {"ClusterId": "c-1"}, m.InstallClusterAddonsRequest(body=[m.InstallClusterAddonsRequestBody(name="a", config='{"x":"é"}')])),
        ("describe_kubernetes_version_metadata", "/api/v1/metadata/versions", {}, m.DescribeKubernetesVersionMetadataRequest(region="cn-hangzhou", cluster_type="Kubernetes", runtime="a/b")),
    ]
    for name, template, values, request in calls:
        before = len(captured)
        arguments = [*values.values(), *([request] if request is not None else []), dict(headers), runtime]
        try:
            getattr(client, f"{name}_with_options")(*arguments)
        except Exception as error:  # What the SDK makes of the answer does not matter here.
            if len(captured) == before:
                sys.exit(f"{name} was not sent: {error!r}")
        captured[-1].update(template=template, path=values, sdk=name)
    json.dump(captured, sys.stdout, indent=1, ensure_ascii=False, sort_keys=True)
    print()


if __name__ == "__main__":
    main()
