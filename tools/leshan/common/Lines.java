package nudge;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** JSON objects, one a line: commands on standard input, events and replies on standard output. */
final class Lines {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private Lines() {}

    /** Carries out one command; what it returns is the reply, null where that comes later. */
    interface Handler {
        ObjectNode handle(JsonNode command) throws Exception;
    }

    static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    static ObjectNode event(String name) {
        return object().put("event", name);
    }

    static synchronized void say(JsonNode line) {
        System.out.println(line);
        System.out.flush();
    }

    /** Answers a command: the reply carries the command's id. */
    static void reply(JsonNode command, ObjectNode reply) {
        say(reply.put("event", "reply").set("id", command.get("id")));
    }

    static ObjectNode error(Throwable thrown) {
        StringBuilder text = new StringBuilder(thrown.toString());
        for (Throwable cause = thrown.getCause(); cause != null; cause = cause.getCause()) {
            text.append(", of ").append(cause);
        }
        return object().put("error", text.toString());
    }

    /** Takes commands until standard input ends, each in a thread of its own. */
    static void serve(Handler handler) throws IOException {
        ExecutorService threads = Executors.newCachedThreadPool();
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonNode command = MAPPER.readTree(line);
            threads.submit(() -> {
                try {
                    ObjectNode reply = handler.handle(command);
                    if (reply != null) {
                        reply(command, reply);
                    }
                } catch (Exception | LinkageError thrown) {
                    reply(command, error(thrown));
                }
            });
        }
        threads.shutdownNow();
    }
}
