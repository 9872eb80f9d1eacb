// SPDX-License-Identifier: Apache-2.0

package ec2

// absentOfInstances are AWS's filters on what no instance here has: they are
// known and match nothing.
var absentOfInstances = []string{
	"affinity",
	"block-device-mapping.attach-time",
	"block-device-mapping.delete-on-termination",
	"block-device-mapping.device-name",
	"block-device-mapping.status",
	"block-device-mapping.volume-id",
	"boot-mode",
	"capacity-reservation-id",
	"capacity-reservation-specification.capacity-reservation-preference",
	"capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id",
	"capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn",
	"current-instance-boot-mode",
	"dns-name",
	"host-id",
	"iam-instance-profile.arn",
	"iam-instance-profile.id",
	"instance-lifecycle",
	"ip-address",
	"ipv6-address",
	"kernel-id",
	"maintenance-options.auto-recovery",
	"network-performance-options.bandwidth-weighting",
	"operator.principal",
	"outpost-arn",
	"placement-group-name",
	"placement-partition-number",
	"platform",
	"platform-details",
	"private-dns-name-options.enable-resource-name-dns-a-record",
	"private-dns-name-options.enable-resource-name-dns-aaaa-record",
	"private-dns-name-options.hostname-type",
	"product-code",
	"product-code.type",
	"ramdisk-id",
	"requester-id",
	"spot-instance-request-id",
	"tpm-support",
	"usage-operation",
	"usage-operation-update-time",
}

// absentOfInterfaces is the same of interfaces, the ones that AWS knows only
// behind "network-interface." among them.
var absentOfInterfaces = []string{
	"addresses.association.allocation-id",
	"addresses.association.association-id",
	"addresses.association.carrier-ip",
	"addresses.association.customer-owned-ip",
	"addresses.association.ip-owner-id",
	"addresses.association.owner-id",
	"addresses.association.public-dns-name",
	"addresses.association.public-ip",
	"association.allocation-id",
	"association.association-id",
	"association.carrier-ip",
	"association.customer-owned-ip",
	"association.ip-owner-id",
	"association.public-dns-name",
	"association.public-ip",
	"ipv4-prefixes.ipv4-prefix",
	"ipv6-address",
	"ipv6-addresses.ipv6-address",
	"ipv6-addresses.is-primary-ipv6",
	"ipv6-prefixes.ipv6-prefix",
	"operator.principal",
	"outpost-arn",
	"public-dns-name",
}

// absentOfStatuses is the same of statuses: nothing is ever scheduled.
var absentOfStatuses = []string{
	"application-status.status",
	"attached-ebs-status.status",
	"event.code",
	"event.description",
	"event.instance-event-id",
	"event.not-after",
	"event.not-before",
	"event.not-before-deadline",
}
