// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"enishi.dev/enishi/aws/client"
	"enishi.dev/enishi/aws/sigv4"
	"enishi.dev/enishi/aws/wire"
	"enishi.dev/enishi/aws/wire/ec2"
)

const connections = 16

// turns is what each connection asks, over and over: of ten calls two create a
// security group, one deletes one, and seven describe.
const turns = "vcsgvcsgdg"

// calls asks URL@KEY@SECRET, signed, over sixteen connections that are kept: calls a
// second. The server has to be empty.
func calls(target string, d time.Duration) (float64, error) {
	f := strings.Split(target, "@")
	if len(f) != 3 {
		return 0, errors.New("want URL@KEY@SECRET")
	}
	ctx := context.Background()
	c := client.Client{Endpoint: f[0], Region: ourRegion, Credentials: sigv4.Credentials{AccessKeyID: f[1], Secret: f[2]}, HTTP: &http.Client{}}
	v, err := client.EC2[ec2.CreateVpcOutput](ctx, &c, "CreateVpc", &ec2.CreateVpcInput{CidrBlock: new("10.0.0.0/16")})
	if err != nil {
		return 0, err
	}
	var n atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, connections)
	end := time.Now().Add(d)
	for i := range connections {
		all.Go(func() {
			k := connection{c: c, vpc: *v.Vpc.VpcId, name: fmt.Sprint("bench-", i)}
			k.c.HTTP = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{}}
			for turn := 0; time.Now().Before(end); turn++ {
				if err := k.call(ctx, turn); err != nil {
					failed <- err
					return
				}
				n.Add(1)
			}
			failed <- nil
		})
	}
	all.Wait()
	for range connections {
		err = errors.Join(err, <-failed)
	}
	return float64(n.Load()) / d.Seconds(), err
}

// connection is one of the sixteen, with the groups that it has made.
type connection struct {
	c         client.Client
	vpc, name string
	groups    []string
}

func (k *connection) call(ctx context.Context, turn int) error {
	switch turns[turn%len(turns)] {
	case 'c':
		out, err := client.EC2[ec2.CreateSecurityGroupOutput](ctx, &k.c, "CreateSecurityGroup", &ec2.CreateSecurityGroupInput{
			VpcId: &k.vpc, GroupName: new(fmt.Sprint(k.name, "-", turn)), Description: new("bench")})
		if err == nil {
			k.groups = append(k.groups, *out.GroupId)
		}
		return err
	case 'd':
		id := k.groups[0]
		k.groups = k.groups[1:]
		return look(ctx, &k.c, "DeleteSecurityGroup", &ec2.DeleteSecurityGroupInput{GroupId: &id})
	case 'g':
		return look(ctx, &k.c, "DescribeSecurityGroups", &ec2.DescribeSecurityGroupsInput{GroupIds: k.groups[len(k.groups)-1:]})
	case 's':
		return look(ctx, &k.c, "DescribeSubnets", &ec2.DescribeSubnetsInput{Filters: []ec2.Filter{{Name: new("vpc-id"), Values: []string{k.vpc}}}})
	default:
		return look(ctx, &k.c, "DescribeVpcs", &ec2.DescribeVpcsInput{VpcIds: []string{k.vpc}})
	}
}

// look asks for an action whose answer is of no interest but that it is one: to
// take it apart would cost more than the server has to do.
func look[In any](ctx context.Context, c *client.Client, action string, in *In) error {
	body := wire.EncodeForm(wire.EC2, action, ec2.Version, in).Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoint+"/", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if err := sigv4.Sign(req, c.Credentials, c.Region, "ec2", []byte(body), time.Now()); err != nil {
		return err
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %w", action, wire.DecodeError(resp.Body, resp.StatusCode))
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
