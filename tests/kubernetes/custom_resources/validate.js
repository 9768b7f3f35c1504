// Checks custom resources against the schemas of their definitions. Reads the resources as a JSON
// array from standard input. Prints the kind of each resource. Fails if a resource is not valid.
import { text } from "node:stream/consumers";
import { Cluster } from "@kubernetes-models/cloudnative-pg/postgresql.cnpg.io/v1";
import { HTTPRoute } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1";
import { ServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";

const kinds = [Cluster, HTTPRoute, ServiceMonitor];

for (const resource of JSON.parse(await text(process.stdin))) {
  const Kind = kinds.find((it) => it.kind === resource.kind && it.apiVersion === resource.apiVersion);
  new Kind(resource).validate();
  console.log(resource.kind);
}
