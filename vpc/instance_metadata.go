// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"slices"
	"strings"

	"enishi.dev/enishi/aws/awserr"
)

// MetadataOptions is how an instance may ask for its metadata. The zero value is
// AWS's default: it may, with a token or without.
type MetadataOptions struct {
	Off            bool `json:"off,omitempty"`
	TokensRequired bool `json:"tokensRequired,omitempty"`
	HopLimit       int  `json:"hopLimit,omitempty"` // of the packets that carry a token; 0: 1
	IPv6           bool `json:"ipv6,omitempty"`
	Tags           bool `json:"tags,omitempty"`
}

// Hops is how many hops the packets that carry a token may go.
func (o MetadataOptions) Hops() int { return max(1, o.HopLimit) }

// MetadataChange is what a request says of the options; what it leaves out stays.
type MetadataChange struct {
	Endpoint, Tokens, IPv6, Tags string
	HopLimit                     *int32
}

const maxMetadataHops = 64

// Change returns o with what c asks for.
func (o MetadataOptions) Change(c MetadataChange) (MetadataOptions, error) {
	for _, x := range []struct {
		to          *bool
		name, value string
		no, yes     string
	}{
		{&o.Off, "HttpEndpoint", c.Endpoint, "enabled", "disabled"},
		{&o.TokensRequired, "HttpTokens", c.Tokens, "optional", "required"},
		{&o.IPv6, "HttpProtocolIpv6", c.IPv6, "disabled", "enabled"},
		{&o.Tags, "InstanceMetadataTags", c.Tags, "disabled", "enabled"},
	} {
		switch x.value {
		case "":
		case x.no, x.yes:
			*x.to = x.value == x.yes
		default:
			valid := []string{x.no, x.yes}
			slices.Sort(valid)
			return o, awserr.New("InvalidParameterValue", "Value (%s) for parameter %s is invalid. Valid values are: %s", x.value, x.name, strings.Join(valid, ", "))
		}
	}
	if c.HopLimit == nil {
		return o, nil
	}
	if n := *c.HopLimit; n < 1 || n > maxMetadataHops {
		return o, awserr.New("InvalidParameterValue", "Value (%d) for parameter HttpPutResponseHopLimit is invalid. It must be between 1 and %d.", n, maxMetadataHops)
	}
	o.HopLimit = int(*c.HopLimit)
	return o, nil
}

// inMetadataTag is what the key of a tag may consist of to be a path.
const inMetadataTag = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_+=,.@:-"

// MetadataTag says whether a tag with the key can be among an instance's metadata.
func MetadataTag(key string) bool {
	return key != "" && len(key) <= 255 && strings.Trim(key, inMetadataTag) == "" &&
		key != "." && key != ".." && key != "_index"
}

// checkTags refuses tags among the metadata if they cannot be.
func (o MetadataOptions) checkTags(tags map[string]string) error {
	for k := range tags {
		if o.Tags && !MetadataTag(k) {
			return awserr.New("InvalidParameterValue", `'%s' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\-_+=,.@:]{1,255}), and must not be a reserved name ('.', '..', '_index')`, k)
		}
	}
	return nil
}

// SetMetadata returns i with its options changed.
func (i Instance) SetMetadata(c MetadataChange) (Instance, error) {
	if i.ending() {
		return i, awserr.New("IncorrectInstanceState", "The instance '%s' is not in a state from which its metadata options can be modified.", i.ID)
	}
	var err error
	if i.Metadata, err = i.Metadata.Change(c); err != nil {
		return i, err
	}
	return i, i.Metadata.checkTags(i.Tags)
}
