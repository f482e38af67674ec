package main

import ("bytes";"context";"fmt";"os";"os/exec";"strings";"time";"errors"
"gatehouse/bastion/shell/admit";"mvdan.cc/sh/v3/interp";"mvdan.cc/sh/v3/expand")

func env(d string) []string { return []string{"HOME="+d,"PATH=/usr/local/bin:/usr/bin:/bin","LANG=C.UTF-8","TERM=dumb"} }
func one(text string) (out string, st int, serr string) {
 d,_:=os.MkdirTemp("","d"); defer os.RemoveAll(d)
 prep(d)
 ctx,c:=context.WithTimeout(context.Background(),5*time.Second); defer c()
 cmd:=exec.CommandContext(ctx,os.Args[0],"-child",text); cmd.Dir=d; cmd.Env=env(d)
 var o,e bytes.Buffer; cmd.Stdout=&o; cmd.Stderr=&e
 err:=cmd.Run(); st=0
 if err!=nil { st=cmd.ProcessState.ExitCode() }
 return strings.ReplaceAll(o.String(),d,"@D"),st,strings.ReplaceAll(e.String(),d,"@D")
}
func bash(text string) (string,int,string) {
 d,_:=os.MkdirTemp("","d"); defer os.RemoveAll(d)
 prep(d)
 ctx,c:=context.WithTimeout(context.Background(),5*time.Second); defer c()
 cmd:=exec.CommandContext(ctx,"bash","--norc","-c",text,"bash"); cmd.Dir=d; cmd.Env=env(d)
 var o,e bytes.Buffer; cmd.Stdout=&o; cmd.Stderr=&e
 cmd.Run()
 return strings.ReplaceAll(o.String(),d,"@D"),cmd.ProcessState.ExitCode(),strings.ReplaceAll(e.String(),d,"@D")
}
func prep(d string){ for _,f:=range []string{"a.txt","b.txt","c.log","sp ace",".hid","A.TXT","B"} { os.WriteFile(d+"/"+f,[]byte("line1\nline2 x\n"+f+"\n"),0644) }
 os.MkdirAll(d+"/dir/sub",0755); os.WriteFile(d+"/dir/f1",nil,0644); os.WriteFile(d+"/dir/sub/g1",[]byte("g"),0644)
 os.WriteFile(d+"/p",[]byte("root:x:0:0::/root:/bin/bash\nu:x:1:1:a b::/bin/sh\n"),0644) }
func child(text string){
 f,no:=admit.Admit(text,admit.Place{})
 if no!=nil { fmt.Fprintln(os.Stderr,"REFUSED",no.Construct,no.Column,no.Reason); os.Exit(222)}; f.Name="bash"; var err error
 wd,_:=os.Getwd()
 r,err:=interp.New(interp.StdIO(os.Stdin,os.Stdout,os.Stderr),interp.Env(expand.ListEnviron(os.Environ()...)),interp.Dir(wd),interp.CallHandler(func(ctx context.Context,args []string)([]string,error){ if no:=admit.Call(args,admit.Place{}); no!=nil { fmt.Fprintln(os.Stderr,"REFUSED",no.Construct,"at call",no.Reason); os.Exit(222)}; return args,nil }))
 if err!=nil {panic(err)}
 err=r.Run(context.Background(),f)
 var es interp.ExitStatus
 if errors.As(err,&es) { os.Exit(int(es)) }
 if err!=nil {fmt.Fprintln(os.Stderr,err); os.Exit(99)}
}
func main(){
 if len(os.Args)>2&&os.Args[1]=="-child" { child(os.Args[2]); return }
 b,_:=os.ReadFile(os.Args[1])
 n,diff,ref:=0,0,0
 for _,s:=range strings.Split(string(b),"\n%%\n") {
  s=strings.TrimSuffix(s,"\n"); n++
  bo,bs,be:=bash(s); mo,ms,me:=one(s)
  if strings.Contains(me,"REFUSED") { if i:=strings.Index(me,"REFUSED"); i>=0 {me=me[i:]}; ref++; if len(os.Args)>2 {fmt.Printf("R %q: %s",s,me)}; continue}
  if bo!=mo||bs!=ms { diff++
   if len(me)>300{me=me[:300]}
   fmt.Printf("=== %s\n--- bash %d: %q %q\n--- mvdn %d: %q %q\n",s,bs,bo,be,ms,mo,me) }
  _=be
 }
 fmt.Println(n,"cases",diff,"differ",ref,"refused")
}
