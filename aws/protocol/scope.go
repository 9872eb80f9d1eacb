// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"net/http"
	"net/url"
	"strings"
)

// readScope reads the credential scope of a signature: key/day/region/service/aws4_request.
// A key may itself hold slashes; SigV4A names no region.
func readScope(r *http.Request, q url.Values) Head {
	algorithm, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	credential := ""
	for field := range strings.SplitSeq(rest, ",") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(field), "Credential="); ok {
			credential = v
		}
	}
	if algorithm == "" {
		algorithm, credential = q.Get("X-Amz-Algorithm"), q.Get("X-Amz-Credential")
	}
	if !strings.HasPrefix(algorithm, "AWS4-") {
		return Head{}
	}
	h := Head{Signed: true}
	parts := strings.Split(credential, "/")
	n := len(parts)
	switch {
	case algorithm == "AWS4-ECDSA-P256-SHA256" && n >= 4:
		h.Service = parts[n-2]
	case n >= 5:
		h.Region, h.Service = parts[n-3], parts[n-2]
	}
	if !plain(h.Service) || h.Region != "" && !plain(h.Region) {
		return Head{Signed: true}
	}
	return h
}

// plain returns whether s is a service's or region's name as AWS makes them.
func plain(s string) bool {
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return s != "" && len(s) <= 63
}

// targetService knows the services whose targets name them otherwise.
func targetService(target string) string {
	prefix, _, _ := strings.Cut(target, ".")
	name, _, _ := strings.Cut(prefix, "_")
	return map[string]string{
		"DynamoDB":         "dynamodb",
		"DynamoDBStreams":  "dynamodb",
		"AmazonSQS":        "sqs",
		"AmazonSSM":        "ssm",
		"Kinesis":          "kinesis",
		"Logs":             "logs",
		"TrentService":     "kms",
		"secretsmanager":   "secretsmanager",
		"AWSEvents":        "events",
		"AWSStepFunctions": "states",
	}[name]
}

// readHost reads the names that AWS gives services: SVC.REGION.amazonaws.com,
// VPCE[-ZONE].SVC.REGION.vpce.amazonaws.com, SVC.amazonaws.com and SVC.REGION.api.aws,
// for S3 with buckets before them.
func readHost(host string) (service, region string) {
	host = strings.ToLower(hostname(host))
	if name, ok := strings.CutSuffix(host, ".vpce.amazonaws.com"); ok {
		labels := strings.Split(name, ".")
		if len(labels) < 3 {
			return "", ""
		}
		return SigningName(labels[len(labels)-2]), labels[len(labels)-1]
	}
	name, ok := strings.CutSuffix(host, ".amazonaws.com")
	if !ok {
		if name, ok = strings.CutSuffix(host, ".api.aws"); !ok {
			return "", ""
		}
	}
	labels := strings.Split(name, ".")
	n := len(labels)
	last := labels[n-1]
	if n == 1 || last == "s3" {
		return SigningName(last), "us-east-1" // the global name
	}
	return SigningName(labels[n-2]), last
}

// hostname cuts the port off a Host header.
func hostname(host string) string {
	return (&url.URL{Host: host}).Hostname()
}

// SigningName returns the name that signatures for an endpoint's service carry,
// which for most is the service's own.
func SigningName(service string) string {
	switch service {
	case "ecr.api", "ecr.dkr", "api.ecr", "dkr.ecr":
		return "ecr"
	case "kinesis-streams":
		return "kinesis"
	case "git-codecommit":
		return "codecommit"
	case "s3-control", "s3-accesspoint":
		return "s3"
	}
	return service
}
