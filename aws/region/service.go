// SPDX-License-Identifier: Apache-2.0

package region

import (
	"net/netip"
	"slices"
	"strings"
)

// Service is an AWS service that endpoints can lead to.
type Service struct {
	Name   string // in service names: ec2, kinesis-streams
	Label  string // in host names: ec2, kinesis
	Policy bool   // takes endpoint policies
}

// services are those of the reference's section 1.6 that this program's
// endpoints and names know, by name.
var services = []Service{
	{Name: "autoscaling", Policy: true},
	{Name: "cloudformation", Policy: true},
	{Name: "ec2", Policy: true},
	{Name: "ec2messages", Policy: true},
	{Name: "ecs", Policy: true},
	{Name: "elasticloadbalancing", Policy: true},
	{Name: "events", Policy: true},
	{Name: "kinesis-streams", Label: "kinesis", Policy: true},
	{Name: "kms", Policy: true},
	{Name: "lambda", Policy: true},
	{Name: "logs", Policy: true},
	{Name: "monitoring", Policy: true},
	{Name: "secretsmanager", Policy: true},
	{Name: "servicecatalog"},
	{Name: "sns", Policy: true},
	{Name: "sqs", Policy: true},
	{Name: "ssm", Policy: true},
	{Name: "ssmmessages"},
	{Name: "sts", Policy: true},
}

// publicOnly are further hosts with public addresses, behind gateway endpoints or none.
var publicOnly = []string{"dynamodb", "s3"}

// Services returns the services that interface endpoints lead to, by name.
func Services() []Service {
	all := make([]Service, len(services))
	for i, s := range services {
		all[i] = s.filled()
	}
	return all
}

func (s Service) filled() Service {
	if s.Label == "" {
		s.Label = s.Name
	}
	return s
}

// ServiceOf returns the service that a service name of the region, such as
// com.amazonaws.ap-northeast-1.ec2, means.
func (r Region) ServiceOf(serviceName string) (Service, bool) {
	name, ok := strings.CutPrefix(serviceName, "com.amazonaws."+r.Name+".")
	if !ok {
		return Service{}, false
	}
	i := slices.IndexFunc(services, func(s Service) bool { return s.Name == name })
	if i < 0 {
		return Service{}, false
	}
	return services[i].filled(), true
}

// ServiceName is what CreateVpcEndpoint calls s in the region.
func (r Region) ServiceName(s Service) string { return "com.amazonaws." + r.Name + "." + s.Name }

// PrivateName is the name that an endpoint with private DNS takes over: the
// service's public one.
func (r Region) PrivateName(s Service) string { return s.Label + "." + r.Name + ".amazonaws.com" }

// BaseName is the name under which the service's endpoints have theirs.
func (r Region) BaseName(s Service) string { return s.Label + "." + r.Name + ".vpce.amazonaws.com" }

// PublicName is a public host name in the region with its address.
type PublicName struct {
	Name    string
	Service string // its label
	Address netip.Addr
}

// PublicNames returns the public names of AWS's services in the region. Their
// addresses are out of 198.18.0.0/15 (RFC 2544), no two alike in any region:
// they exist only where a route leads to them.
func (r Region) PublicNames() []PublicName {
	index := slices.IndexFunc(regions, func(x row) bool { return x.name == r.Name })
	var labels []string
	for _, s := range services {
		labels = append(labels, s.filled().Label)
	}
	labels = append(labels, publicOnly...)
	slices.Sort(labels)
	names := make([]PublicName, len(labels))
	for i, label := range labels {
		names[i] = PublicName{label + "." + r.Name + ".amazonaws.com", label, publicAddress(index, i)}
	}
	return names
}

// PublicAddresses are those that stand for addresses of instances outside their VPCs:
// none of them is a service's, in any region.
var PublicAddresses = netip.MustParsePrefix("198.19.0.0/16")

// publicAddress is the address of the i-th label in the region of the index: 256
// addresses a region, from 198.18.1.0 on.
func publicAddress(region, i int) netip.Addr {
	n := (region+1)<<8 | (i + 1)
	return netip.AddrFrom4([4]byte{198, 18 + byte(n>>16), byte(n >> 8), byte(n)})
}

// HostedZone is the id of the public zone of the region's endpoint names
// (reference 1.5); a made-up one, always the same, where AWS's is not known.
func (r Region) HostedZone() string {
	if id, ok := hostedZones[r.Name]; ok {
		return id
	}
	return "Z" + strings.ToUpper(strings.ReplaceAll(r.Name, "-", "")) + "VPCE"
}

var hostedZones = map[string]string{
	"us-east-1": "Z7HUB22UULQXV", "us-east-2": "ZC8PG0KIFKBRI", "us-west-1": "Z12I86A8N7VCZO",
	"us-west-2": "Z1YSA3EXCYUU9Z", "ca-central-1": "ZRCXCF510Y6P9", "sa-east-1": "Z2LXUWEVLCVZIB",
	"eu-west-1": "Z38GZ743OKFT7T", "eu-west-2": "Z7K1066E3PUKB", "eu-west-3": "Z1DWHTMFP0WECP",
	"eu-central-1": "Z273ZU8SZ5RJPC", "eu-central-2": "Z045369019J4FUQ4S272E", "eu-north-1": "Z3OWWK6JFDEDGC",
	"eu-south-1": "Z2A5FDNRLY7KZG", "eu-south-2": "Z014396544HENR57XQCJ", "af-south-1": "Z09302161J80N9A7UTP7U",
	"ap-east-1": "Z2LIHJ7PKBEMWN", "ap-northeast-1": "Z2E726K9Y6RL4W", "ap-northeast-2": "Z27UANNT0PRK1T",
	"ap-northeast-3": "Z376B5OMM2JZL2", "ap-south-1": "Z2KVTB3ZLFM7JR", "ap-south-2": "Z0952991RWSF5AHIQDIY",
	"ap-southeast-1": "Z18LLCSTV4NVNL", "ap-southeast-2": "ZDK2GCRPAFKGO", "ap-southeast-3": "Z03881013RZ9BYYZO8N5W",
	"ap-southeast-4": "Z07508191CO1RNBX3X3AU", "me-south-1": "Z3B95P3VBGEQGY", "me-central-1": "Z07122992YCEUCB9A9570",
	"us-gov-east-1": "Z2MU5TEIGO9WXB", "us-gov-west-1": "Z12529ZODG2B6H",
}
