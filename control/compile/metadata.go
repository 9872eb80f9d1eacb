// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"

	"enishi.dev/enishi/aws/region"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/vpc"
)

// Where every network's instances ask for their metadata.
var metadataAddresses = []netip.Addr{netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("fd00:ec2::254")}

// metadata is what an instance of this host is told of itself.
func (w world) metadata(id string) *hoststate.Metadata {
	i, ok := w.Instances.Get(id)
	if !ok || !i.Status.Gone.IsZero() || i.Host != w.f.Host {
		return nil
	}
	o := i.Metadata
	m := &hoststate.Metadata{
		Instance: id, Network: string(i.VPC), Sources: []netip.Addr{}, Off: o.Off, TokenRequired: o.TokensRequired,
		Hops: uint8(o.Hops()), IPv6: o.IPv6, Files: map[string]string{}, UserData: i.UserData,
	}
	f := files(m.Files)
	for _, eni := range i.ENIs {
		e, ok := w.ENIs.Get(string(eni))
		if !ok || e.Withdrawn || e.Attachment == nil {
			continue
		}
		m.Sources = append(m.Sources, e.Addresses...)
		if e.Attachment.Device == 0 {
			w.firstInterface(f, i, e)
		}
		w.interfaceFiles(f.under("meta-data/network/interfaces/macs/"+e.MAC), e)
	}
	instanceFiles(f.under("meta-data"), i)
	if o.Tags {
		for k, v := range i.Tags {
			if vpc.MetadataTag(k) {
				f.put("meta-data/tags/instance/"+k, v)
			}
		}
	}
	return m
}

// files are texts by their paths.
type files map[string]string

func (f files) put(path, text string) { f[path] = text }

func (f files) under(dir string) func(path, text string) {
	return func(path, text string) { f.put(dir+"/"+path, text) }
}

func instanceFiles(put func(path, text string), i vpc.Instance) {
	put("ami-id", i.Image)
	put("ami-launch-index", strconv.Itoa(i.LaunchIndex))
	put("ami-manifest-path", "(unknown)")
	put("instance-action", "none")
	put("instance-id", string(i.ID))
	put("instance-life-cycle", "on-demand")
	put("instance-type", i.Type)
	put("placement/availability-zone", i.Zone)
	if r, ok := region.Of(i.Region); ok {
		if z, ok := r.Zone(i.Zone); ok {
			put("placement/availability-zone-id", z.ID)
		}
	}
	put("placement/region", i.Region)
	put("profile", "default-hvm")
	put("reservation-id", string(i.Reservation))
	put("services/domain", "amazonaws.com")
	put("services/partition", "aws")
}

// firstInterface: an instance's address, name and groups are those of its first interface.
func (w world) firstInterface(f files, i vpc.Instance, e vpc.ENI) {
	address, put := e.Addresses[0], f.under("meta-data")
	name := vpc.PrivateDNSName(i.Region, address)
	put("hostname", name)
	put("local-hostname", name)
	put("local-ipv4", address.String())
	put("mac", e.MAC)
	put("security-groups", w.groupNames(e))
	if e.Public.IsValid() {
		v, _ := w.VPCs.Get(string(e.VPC))
		put("public-ipv4", e.Public.String())
		put("public-hostname", v.PublicName(e))
	}
	f.put("dynamic/instance-identity/document", identity(i, address))
}

func (w world) interfaceFiles(put func(path, text string), e vpc.ENI) {
	v, _ := w.VPCs.Get(string(e.VPC))
	n, _ := w.Subnets.Get(string(e.Subnet))
	put("device-number", strconv.Itoa(e.Attachment.Device))
	put("interface-id", string(e.ID))
	put("local-hostname", vpc.PrivateDNSName(e.Region, e.Addresses[0]))
	put("local-ipv4s", lines(e.Addresses, netip.Addr.String))
	put("mac", e.MAC)
	put("owner-id", e.Account)
	put("security-group-ids", lines(e.Groups, func(g vpc.SecurityGroupID) string { return string(g) }))
	put("security-groups", w.groupNames(e))
	put("subnet-id", string(e.Subnet))
	put("subnet-ipv4-cidr-block", n.CIDR.String())
	if e.Public.IsValid() {
		put("ipv4-associations/"+e.Public.String(), e.Addresses[0].String())
		put("public-hostname", v.PublicName(e))
		put("public-ipv4s", e.Public.String())
	}
	put("vpc-id", string(e.VPC))
	put("vpc-ipv4-cidr-block", v.CIDRs[0].String())
	put("vpc-ipv4-cidr-blocks", lines(v.CIDRs, netip.Prefix.String))
}

func (w world) groupNames(e vpc.ENI) string {
	return lines(e.Groups, func(id vpc.SecurityGroupID) string {
		g, _ := w.SecurityGroups.Get(string(id))
		return g.Name
	})
}

func lines[T any](all []T, text func(T) string) string {
	out := make([]string, 0, len(all))
	for _, one := range all {
		out = append(out, text(one))
	}
	return strings.Join(out, "\n")
}

// identity is the instance's identity document.
func identity(i vpc.Instance, address netip.Addr) string {
	b, err := json.MarshalIndent(struct {
		AccountID    string     `json:"accountId"`
		Architecture string     `json:"architecture"`
		Zone         string     `json:"availabilityZone"`
		Billing      *string    `json:"billingProducts"`
		Devpay       *string    `json:"devpayProductCodes"`
		Marketplace  *string    `json:"marketplaceProductCodes"`
		Image        string     `json:"imageId"`
		ID           string     `json:"instanceId"`
		Type         string     `json:"instanceType"`
		Kernel       *string    `json:"kernelId"`
		Pending      string     `json:"pendingTime"`
		Address      netip.Addr `json:"privateIp"`
		Ramdisk      *string    `json:"ramdiskId"`
		Region       string     `json:"region"`
		Version      string     `json:"version"`
	}{
		AccountID: i.Account, Architecture: "x86_64", Zone: i.Zone, Image: i.Image, ID: string(i.ID), Type: i.Type,
		Pending: i.LaunchTime().UTC().Format("2006-01-02T15:04:05Z"), Address: address, Region: i.Region, Version: "2017-09-30",
	}, "", "  ")
	if err != nil {
		panic(err) // plain data always marshals
	}
	return string(b)
}
