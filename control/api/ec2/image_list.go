// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"crypto/sha256"
	"encoding/hex"

	wire "enishi.dev/enishi/aws/wire/ec2"
)

// image is one that is listed. There is only one in truth, the host's own file system,
// and every id leads to it; the list has what configurations look for by name and owner.
type image struct {
	name, date   string
	owner, alias string // alias: "" for owners that have none
	arch, root   string
}

const (
	amazon    = "137112412989"
	canonical = "099720109477"
	debian    = "136693071363"

	usualRoot = "/dev/xvda"
)

// images is the list. The first is what an id that is not listed is said to be, and the
// newest: who asks for the most recent one of Amazon's gets it.
var images = []image{
	{name: "al2023-ami-2023.0.20260101.0-kernel-6.1-x86_64", date: "2026-01-01T00:00:00.000Z", owner: amazon, alias: "amazon", arch: "x86_64", root: usualRoot},
	{name: "al2023-ami-2023.0.20251231.0-kernel-6.1-arm64", date: "2025-12-31T00:00:00.000Z", owner: amazon, alias: "amazon", arch: "arm64", root: usualRoot},
	{name: "amzn2-ami-hvm-2.0.20251230.0-x86_64-gp2", date: "2025-12-30T00:00:00.000Z", owner: amazon, alias: "amazon", arch: "x86_64", root: usualRoot},
	{name: "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20251230", date: "2025-12-30T00:00:00.000Z", owner: canonical, arch: "x86_64", root: "/dev/sda1"},
	{name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20251231", date: "2025-12-31T00:00:00.000Z", owner: canonical, arch: "x86_64", root: "/dev/sda1"},
	{name: "debian-12-amd64-20251230-2339", date: "2025-12-30T00:00:00.000Z", owner: debian, arch: "x86_64", root: usualRoot},
	{name: "debian-13-amd64-20251231-2340", date: "2025-12-31T00:00:00.000Z", owner: debian, arch: "x86_64", root: usualRoot},
}

// imageOf is what the id is said to be in the region.
func imageOf(region, id string) image {
	for _, i := range images {
		if i.id(region) == id {
			return i
		}
	}
	return images[0]
}

// id is that by which a region lists the image.
func (i image) id(region string) string {
	sum := sha256.Sum256([]byte(region + "/" + i.name))
	return "ami-" + hex.EncodeToString(sum[:])[:17]
}

func (i image) wire(id string) wire.Image {
	at := i.owner
	if i.alias != "" {
		at = i.alias
	}
	return wire.Image{
		Architecture: wire.ArchitectureValues(i.arch), BootMode: "uefi-preferred", CreationDate: &i.date, Description: new("The file system of the host"),
		BlockDeviceMappings: []wire.BlockDeviceMapping{{DeviceName: &i.root, Ebs: &wire.EbsBlockDevice{
			DeleteOnTermination: new(true), Encrypted: new(false), VolumeSize: new(int32(8)), VolumeType: "gp3",
		}}},
		EnaSupport: new(true), Hypervisor: "xen", ImageId: &id, ImageLocation: new(at + "/" + i.name),
		ImageOwnerAlias: text(i.alias), ImageType: "machine", Name: &i.name, OwnerId: &i.owner,
		PlatformDetails: new(platform), Public: new(true), RootDeviceName: &i.root, RootDeviceType: "ebs",
		SriovNetSupport: new("simple"), State: "available", Tags: []wire.Tag{}, UsageOperation: new(usage), VirtualizationType: "hvm",
	}
}
