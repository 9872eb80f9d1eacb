// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"slices"
	"strconv"

	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func interfaceFilters(c *api.Call, v *store.View) filters[vpc.ENI] {
	addresses := func(e vpc.ENI) []string { return addressTexts(e) }
	attachment := func(of func(vpc.Attachment) string) func(vpc.ENI) []string {
		return func(e vpc.ENI) []string {
			if e.Attachment == nil {
				return nil
			}
			return []string{of(*e.Attachment)}
		}
	}
	none := func(vpc.ENI) []string { return nil }
	return filters[vpc.ENI]{
		"addresses.association.owner-id":   none,
		"addresses.association.public-ip":  none,
		"association.allocation-id":        none,
		"association.association-id":       none,
		"association.ip-owner-id":          none,
		"association.public-dns-name":      none,
		"association.public-ip":            none,
		"attachment.attach-time":           attachment(func(a vpc.Attachment) string { return filterTime(a.At) }),
		"addresses.primary":                func(e vpc.ENI) []string { return []string{"true"} },
		"addresses.private-ip-address":     addresses,
		"attachment.attachment-id":         attachment(func(a vpc.Attachment) string { return a.ID }),
		"attachment.delete-on-termination": attachment(func(a vpc.Attachment) string { return strconv.FormatBool(a.DeleteOnTermination) }),
		"attachment.device-index":          attachment(func(a vpc.Attachment) string { return strconv.Itoa(a.Device) }),
		"attachment.instance-id":           attachment(func(a vpc.Attachment) string { return string(a.Instance) }),
		"attachment.instance-owner-id": func(e vpc.ENI) []string {
			if e.Attachment == nil {
				return nil
			}
			return []string{instanceOwner(e)}
		},
		"attachment.status":    attachment(func(vpc.Attachment) string { return "attached" }),
		"availability-zone":    func(e vpc.ENI) []string { return []string{e.Zone} },
		"availability-zone-id": func(e vpc.ENI) []string { return []string{zoneID(c.Region, e.Zone)} },
		"description":          func(e vpc.ENI) []string { return []string{e.Description} },
		"group-id":             func(e vpc.ENI) []string { return texts(e.Groups) },
		"group-name": func(e vpc.ENI) []string {
			return wireGroupNames(v, e.Groups, func(_, name *string) string { return *name })
		},
		"interface-type":              func(e vpc.ENI) []string { return []string{e.Type} },
		"ipv6-addresses.ipv6-address": none,
		"mac-address":                 func(e vpc.ENI) []string { return []string{e.MAC} },
		"network-interface-id":        one(func(e vpc.ENI) vpc.ENIID { return e.ID }),
		"owner-id":                    func(e vpc.ENI) []string { return []string{e.Account} },
		"private-dns-name":            func(e vpc.ENI) []string { return []string{vpc.PrivateDNSName(c.Region, e.Addresses[0])} },
		"private-ip-address":          addresses,
		"requester-id":                func(e vpc.ENI) []string { return requesterID(e) },
		"requester-managed":           func(e vpc.ENI) []string { return []string{strconv.FormatBool(e.RequesterManaged())} },
		"source-dest-check":           func(e vpc.ENI) []string { return []string{strconv.FormatBool(!e.NoSourceCheck)} },
		"status":                      func(e vpc.ENI) []string { return []string{interfaceStatus(e)} },
		"subnet-id":                   one(func(e vpc.ENI) vpc.SubnetID { return e.Subnet }),
		"vpc-id":                      one(func(e vpc.ENI) vpc.VPCID { return e.VPC }),
	}
}

func (s *Server) describeNetworkInterfaces(_ context.Context, c *api.Call, in *wire.DescribeNetworkInterfacesInput) (*wire.DescribeNetworkInterfacesOutput, error) {
	v := s.store.View()
	rows, err := list(v.ENIs, c, vpc.ENIIDs, in.NetworkInterfaceIds)
	if err != nil {
		return nil, err
	}
	for _, e := range rows {
		if e.Withdrawn && len(in.NetworkInterfaceIds) > 0 {
			return nil, vpc.ENIIDs.NotFound(string(e.ID))
		}
	}
	rows = slices.DeleteFunc(rows, func(e vpc.ENI) bool { return e.Withdrawn })
	sel := selection{IDs: in.NetworkInterfaceIds, Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken}
	rows, next, err := choose(c, sel, rows, func(e vpc.ENI) string { return string(e.ID) }, interfaceFilters(c, v), tagsOf)
	if err != nil {
		return nil, err
	}
	out := &wire.DescribeNetworkInterfacesOutput{NetworkInterfaces: []wire.NetworkInterface{}, NextToken: next}
	for _, e := range rows {
		out.NetworkInterfaces = append(out.NetworkInterfaces, wireInterface(c, v, e))
	}
	return out, nil
}
