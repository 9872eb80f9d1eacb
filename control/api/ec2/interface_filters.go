// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"maps"
	"strconv"

	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func interfaceFilters(c *api.Call, v *store.View) filters[vpc.ENI] {
	attachment := func(of func(vpc.Attachment) string) func(vpc.ENI) []string {
		return func(e vpc.ENI) []string {
			if e.Attachment == nil {
				return nil
			}
			return []string{of(*e.Attachment)}
		}
	}
	is := func(s string) func(vpc.ENI) []string { return func(vpc.ENI) []string { return []string{s} } }
	names := func(e vpc.ENI) (names []string) {
		for _, a := range e.Addresses {
			names = append(names, vpc.PrivateDNSName(c.Region, a))
		}
		return names
	}
	f := filters[vpc.ENI]{
		"attachment.attach-time": attachment(func(a vpc.Attachment) string { return filterTime(a.At) }),
		"addresses.primary": func(e vpc.ENI) []string {
			if len(e.Addresses) > 1 {
				return []string{"true", "false"}
			}
			return []string{"true"}
		},
		"addresses.private-dns-name":       names,
		"addresses.private-ip-address":     addressTexts,
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
		"attachment.network-card-index": attachment(func(vpc.Attachment) string { return "0" }),
		"attachment.status":             attachment(func(vpc.Attachment) string { return "attached" }),
		"availability-zone":             func(e vpc.ENI) []string { return []string{e.Zone} },
		"availability-zone-id":          func(e vpc.ENI) []string { return []string{zoneID(c.Region, e.Zone)} },
		"deny-all-igw-traffic":          is("false"),
		"description":                   func(e vpc.ENI) []string { return []string{e.Description} },
		"group-id":                      func(e vpc.ENI) []string { return texts(e.Groups) },
		"group-name": func(e vpc.ENI) []string {
			return wireGroupNames(v, e.Groups, func(_, name *string) string { return *name })
		},
		"interface-type":       func(e vpc.ENI) []string { return []string{e.Type} },
		"ipv6-native":          is("false"),
		"mac-address":          func(e vpc.ENI) []string { return []string{e.MAC} },
		"network-interface-id": one(func(e vpc.ENI) vpc.ENIID { return e.ID }),
		"operator.managed":     is("false"),
		"owner-id":             func(e vpc.ENI) []string { return []string{e.Account} },
		"private-dns-name":     names,
		"private-ip-address":   addressTexts,
		"requester-id":         func(e vpc.ENI) []string { return requesterID(e) },
		"requester-managed":    func(e vpc.ENI) []string { return []string{strconv.FormatBool(e.RequesterManaged())} },
		"source-dest-check":    func(e vpc.ENI) []string { return []string{strconv.FormatBool(!e.NoSourceCheck)} },
		"status":               func(e vpc.ENI) []string { return []string{interfaceStatus(e)} },
		"subnet-id":            one(func(e vpc.ENI) vpc.SubnetID { return e.Subnet }),
		"vpc-id":               one(func(e vpc.ENI) vpc.VPCID { return e.VPC }),
	}
	for _, name := range absentOfInterfaces {
		f[name] = func(vpc.ENI) []string { return nil }
	}
	maps.Copy(f, publicFilters(v))
	return f
}
