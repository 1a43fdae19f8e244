# Apache Kafka as one KRaft process (broker and controller), its jars brought by Maven. Sourced by bin/brokers.

kafka_version=4.1.1
kafka_jars=$home/programs/kafka-$kafka_version

kafka_title() { say "Kafka $kafka_version"; }
kafka_port() { say "${MILLRACE_KAFKA_PORT:-19092}"; }
kafka_controller_port() { say "${MILLRACE_KAFKA_CONTROLLER_PORT:-19093}"; }
kafka_stop_signal() { say TERM; }

kafka_install() {
  command -v java >/dev/null || fail 'Java is missing: install a Java runtime, version 17 or newer, for Kafka' || return 1
  local major
  major=$(java -version 2>&1 | sed -nE 's/.*version "([0-9]+).*/\1/p' | head -n 1)
  [ "${major:-0}" -ge 17 ] || fail "Java ${major:-?} is too old: Kafka $kafka_version needs version 17 or newer" || return 1
  [ -d "$kafka_jars" ] && return
  command -v mvn >/dev/null || fail 'Maven is missing: install Maven (mvn), it fetches Kafka' || return 1
  local staging=$home/programs/kafka-download
  rm -rf "$staging"
  mkdir -p "$staging"
  kafka_pom >"$staging/pom.xml"
  mvn --batch-mode --file "$staging/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$staging/jars" >"$home/kafka/install.log" 2>&1 ||
    fail "Kafka $kafka_version could not be fetched, see $home/kafka/install.log" || return 1
  mv "$staging/jars" "$kafka_jars"
  rm -rf "$staging"
}

kafka_pom() {
  cat <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millrace</groupId>
  <artifactId>local-kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>$kafka_version</version>
    </dependency>
    <!-- without a binding for its logging facade the server says nothing, not even why it does not start -->
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>2.24.3</version>
    </dependency>
  </dependencies>
</project>
POM
}

kafka_start() {
  local config=$home/kafka/server.properties
  kafka_properties >"$config"
  kafka_logging >"$home/kafka/log4j2.properties"
  if [ ! -f "$home/kafka/data/meta.properties" ]; then
    kafka_java kafka.tools.StorageTool format --config "$config" --cluster-id "$(kafka_cluster_id)" \
      >"$home/kafka/log" 2>&1 || return 1
  fi
  # A small heap: this broker shares a laptop with everything else.
  spawn kafka java -Xms128m -Xmx512m "-Dlog4j2.configurationFile=$home/kafka/log4j2.properties" \
    -cp "$kafka_jars/*" kafka.Kafka "$config"
}

kafka_java() {
  java -Xmx128m -XX:TieredStopAtLevel=1 "-Dlog4j2.configurationFile=$home/kafka/log4j2.properties" \
    -cp "$kafka_jars/*" "$@"
}

# 16 random bytes in URL-safe base64 without padding.
kafka_cluster_id() { head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '='; }

# Kafka's durability is replication: an event is acknowledged when all replicas have it, in memory. This one broker
# keeps what it acknowledged when it is killed, but not when the machine loses power. MILLRACE_KAFKA_FSYNC=on makes it
# sync every append. Measured here on 2 busy cores, events of 500 bytes: 30 to 55 thousand a second become 14 to 24, and
# an event on an idle stream takes 9 ms instead of 2 (tails of 450 ms). Too much for a default, as tests and benchmarks
# should meet what a replicated cluster does.
kafka_flush() {
  if [ "${MILLRACE_KAFKA_FSYNC:-off}" = on ]; then say 'log.flush.interval.messages=1'; fi
}

kafka_properties() {
  kafka_flush
  cat <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$(kafka_controller_port)
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$(kafka_port),CONTROLLER://127.0.0.1:$(kafka_controller_port)
advertised.listeners=PLAINTEXT://127.0.0.1:$(kafka_port)
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$home/kafka/data
# A topic exists because Millrace created it, with the partitions it wants.
auto.create.topics.enable=false
message.max.bytes=8388608
# One broker: internal topics cannot have the usual three replicas, and fewer partitions start faster.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# A broker that was killed may register again once its former life has timed out; the default makes a restart take 13 s.
broker.session.timeout.ms=4500
broker.heartbeat.interval.ms=1000
# The first member of a group starts at once instead of waiting 3 s for others.
group.initial.rebalance.delay.ms=0
CONF
}

kafka_logging() {
  cat <<'CONF'
status=error
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %p %c: %m%n
rootLogger.level=info
rootLogger.appenderRef.console.ref=console
CONF
}

# The port opens before the broker has caught up with its metadata log; the line is written after.
kafka_ready() { port_is_open "$(port_of kafka)" && grep -q 'Kafka Server started' "$home/kafka/log"; }
