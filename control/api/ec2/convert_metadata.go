// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"strconv"

	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/vpc"
)

func metadataChange(o wire.InstanceMetadataOptionsRequest) vpc.MetadataChange {
	return vpc.MetadataChange{
		Endpoint: string(o.HttpEndpoint), Tokens: string(o.HttpTokens), IPv6: string(o.HttpProtocolIpv6),
		Tags: string(o.InstanceMetadataTags), HopLimit: o.HttpPutResponseHopLimit,
	}
}

// either is one of AWS's two words for a choice.
func either[S ~string](yes bool, is, isNot S) S {
	if yes {
		return is
	}
	return isNot
}

// wireMetadata: hosts are told what is wanted at once, so it counts as applied.
func wireMetadata(o vpc.MetadataOptions) *wire.InstanceMetadataOptionsResponse {
	return &wire.InstanceMetadataOptionsResponse{
		HttpEndpoint:            either[wire.InstanceMetadataEndpointState](o.Off, "disabled", "enabled"),
		HttpProtocolIpv6:        either[wire.InstanceMetadataProtocolState](o.IPv6, "enabled", "disabled"),
		HttpPutResponseHopLimit: new(int32(o.Hops())),
		HttpTokens:              either[wire.HttpTokensState](o.TokensRequired, "required", "optional"),
		InstanceMetadataTags:    either[wire.InstanceMetadataTagsState](o.Tags, "enabled", "disabled"),
		State:                   "applied",
	}
}

// metadataFilters are those of instances on what wireMetadata says.
var metadataFilters = filters[vpc.Instance]{
	"metadata-options.http-endpoint":      one(func(i vpc.Instance) string { return string(wireMetadata(i.Metadata).HttpEndpoint) }),
	"metadata-options.http-protocol-ipv4": one(func(i vpc.Instance) string { return string(wireMetadata(i.Metadata).HttpEndpoint) }),
	"metadata-options.http-protocol-ipv6": one(func(i vpc.Instance) string { return string(wireMetadata(i.Metadata).HttpProtocolIpv6) }),
	"metadata-options.http-put-response-hop-limit": func(i vpc.Instance) []string {
		return []string{strconv.Itoa(i.Metadata.Hops())}
	},
	"metadata-options.http-tokens":            one(func(i vpc.Instance) string { return string(wireMetadata(i.Metadata).HttpTokens) }),
	"metadata-options.instance-metadata-tags": one(func(i vpc.Instance) string { return string(wireMetadata(i.Metadata).InstanceMetadataTags) }),
	"metadata-options.state":                  one(func(vpc.Instance) string { return "applied" }),
}
