# SPDX-License-Identifier: Apache-2.0
# Tomcat on a Java VM serves the JAR files that it consists of; each is asked for twice.
mkdir -p /work/conf /work/logs /work/temp /work/webapps/ROOT
cp /tomcat-server.xml /work/conf/server.xml
cp /tomcat-web.xml /work/conf/web.xml
find /usr/share/java -name '*.jar' -type f -size -1000k -exec cp {} /work/webapps/ROOT/ \;
echo ready >/work/webapps/ROOT/bootstrap.html
set -- /usr/lib/jvm/java-*-openjdk-amd64/bin/java
java="$1"
"$java" -Xms48m -Xmx128m -XX:+UseSerialGC -cp /usr/share/tomcat10/bin/bootstrap.jar:/usr/share/tomcat10/bin/tomcat-juli.jar \
  -Dcatalina.home=/usr/share/tomcat10 -Dcatalina.base=/work -Djava.io.tmpdir=/work/temp \
  org.apache.catalina.startup.Bootstrap start >/run/tomcat.log 2>&1 &

until wget --quiet --output-document=/dev/null http://localhost:8080/bootstrap.html; do
  kill -0 $! || { cat /run/tomcat.log; exit 1; }
  sleep 1
done
(cd /work/webapps/ROOT && find . -type f) | sed 's|^\.|http://localhost:8080|' >/run/urls
for _ in 1 2; do
  wget --quiet --input-file=/run/urls --output-document=/dev/null
done
echo "java: $(wc -l </run/urls) files"
grep VmRSS "/proc/$!/status"
