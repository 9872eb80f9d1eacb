// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"maps"
	"slices"
	"strconv"

	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func instanceFilters(c *api.Call, v *store.View) filters[vpc.Instance] {
	of := func(f func(vpc.ENI) []string) func(vpc.Instance) []string {
		return func(i vpc.Instance) (values []string) {
			for _, e := range interfacesOf(v, i) {
				values = append(values, f(e)...)
			}
			return values
		}
	}
	is := func(s string) func(vpc.Instance) []string { return func(vpc.Instance) []string { return []string{s} } }
	names := func(e vpc.ENI) []string {
		return wireGroupNames(v, e.Groups, func(_, name *string) string { return *name })
	}
	f := filters[vpc.Instance]{
		"architecture":                      is("x86_64"),
		"availability-zone":                 func(i vpc.Instance) []string { return []string{i.Zone} },
		"availability-zone-id":              func(i vpc.Instance) []string { return []string{zoneID(c.Region, i.Zone)} },
		"client-token":                      func(i vpc.Instance) []string { return []string{i.ClientToken} },
		"ebs-optimized":                     func(i vpc.Instance) []string { return []string{strconv.FormatBool(i.EBSOptimized)} },
		"ena-support":                       is("true"),
		"enclave-options.enabled":           is("false"),
		"group-id":                          of(func(e vpc.ENI) []string { return texts(e.Groups) }),
		"group-name":                        of(names),
		"hibernation-options.configured":    is("false"),
		"hypervisor":                        is("xen"),
		"image-id":                          func(i vpc.Instance) []string { return []string{i.Image} },
		"instance-id":                       one(func(i vpc.Instance) vpc.InstanceID { return i.ID }),
		"instance-state-code":               func(i vpc.Instance) []string { return []string{strconv.Itoa(int(i.State().Code))} },
		"instance-state-name":               func(i vpc.Instance) []string { return []string{i.State().Name} },
		"instance-type":                     func(i vpc.Instance) []string { return []string{i.Type} },
		"instance.group-id":                 of(func(e vpc.ENI) []string { return texts(e.Groups) }),
		"instance.group-name":               of(names),
		"key-name":                          func(i vpc.Instance) []string { return []string{i.KeyName} },
		"launch-index":                      func(i vpc.Instance) []string { return []string{strconv.Itoa(i.LaunchIndex)} },
		"launch-time":                       func(i vpc.Instance) []string { return []string{filterTime(i.LaunchTime())} },
		"monitoring-state":                  func(i vpc.Instance) []string { return []string{monitoring(i)} },
		"maintenance-options.auto-recovery": is("default"),
		"platform-details":                  is(platform),
		"private-dns-name-options.enable-resource-name-dns-a-record":         is("false"),
		"private-dns-name-options.enable-resource-name-dns-aaaa-record":      is("false"),
		"private-dns-name-options.hostname-type":                             is("ip-name"),
		"usage-operation":                                                    is(usage),
		"usage-operation-update-time":                                        func(i vpc.Instance) []string { return []string{filterTime(i.LaunchTime())} },
		"capacity-reservation-specification.capacity-reservation-preference": is("open"),
		"operator.managed":                                                   is("false"),
		"owner-id":                                                           func(i vpc.Instance) []string { return []string{i.Account} },
		"private-dns-name":                                                   of(func(e vpc.ENI) []string { return []string{vpc.PrivateDNSName(c.Region, e.Addresses[0])} }),
		"private-ip-address":                                                 of(addressTexts),
		"reason":                                                             func(i vpc.Instance) []string { return []string{transitionReason(i)} },
		"reservation-id":                                                     one(func(i vpc.Instance) vpc.ReservationID { return i.Reservation }),
		"root-device-name":                                                   func(i vpc.Instance) []string { return []string{imageOf(c.Region, i.Image).root} },
		"root-device-type":                                                   is("ebs"),
		"source-dest-check":                                                  of(func(e vpc.ENI) []string { return []string{strconv.FormatBool(!e.NoSourceCheck)} }),
		"state-reason-code":                                                  func(i vpc.Instance) []string { return []string{value(value(stateReason(i)).Code)} },
		"state-reason-message":                                               func(i vpc.Instance) []string { return []string{value(value(stateReason(i)).Message)} },
		"subnet-id":                                                          of(func(e vpc.ENI) []string { return []string{string(e.Subnet)} }),
		"tenancy":                                                            is("default"),
		"virtualization-type":                                                is("hvm"),
		"vpc-id":                                                             of(func(e vpc.ENI) []string { return []string{string(e.VPC)} }),
	}
	for _, name := range absentOfInstances {
		f[name] = func(vpc.Instance) []string { return nil }
	}
	maps.Copy(f, metadataFilters)
	public := publicFilters(v)
	f["dns-name"], f["ip-address"] = of(public["association.public-dns-name"]), of(public["association.public-ip"])
	for name, values := range attachedFilters(c, v) {
		f["network-interface."+name] = of(values)
	}
	return f
}

// attachedFilters are those on the interfaces of instances: tags are under names
// of their own there.
func attachedFilters(c *api.Call, v *store.View) filters[vpc.ENI] {
	f := interfaceFilters(c, v)
	f["tag-key"] = func(e vpc.ENI) []string { return slices.Collect(maps.Keys(e.Tags)) }
	f["tag-value"] = func(e vpc.ENI) []string { return slices.Collect(maps.Values(e.Tags)) }
	return f
}
