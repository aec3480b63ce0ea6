package nudge;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.eclipse.leshan.core.endpoint.Protocol;
import org.eclipse.leshan.core.model.ObjectLoader;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.core.model.ResourceModel;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.core.request.DownlinkDeviceManagementRequest;
import org.eclipse.leshan.core.request.exception.ClientSleepingException;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.LeshanServerBuilder;
import org.eclipse.leshan.server.model.VersionedModelProvider;
import org.eclipse.leshan.server.queue.PresenceListener;
import org.eclipse.leshan.server.queue.StaticClientAwakeTimeProvider;
import org.eclipse.leshan.server.registration.Registration;
import org.eclipse.leshan.transport.californium.server.endpoint.CaliforniumServerEndpointsProvider;
import org.eclipse.leshan.transport.californium.server.endpoint.coap.CoapServerProtocolProvider;

/**
 * A Leshan LwM2M server on 127.0.0.1, managed by JSON lines: Operations has the commands, Events
 * what it tells.
 *
 * <pre>ManagementServer AWAKE_MS [OBJECT:VERSION:RESOURCE=TYPE,…]…</pre>
 *
 * AWAKE_MS: how long a Queue Mode client is awake after its last message. The rest are models of
 * Objects that Leshan does not bring along. Besides the operations it knows {"do": "passive"}, which
 * forgets an observation so that its next notification is answered with a Reset. An operation for a
 * client that sleeps is kept until it shows: the event "queued" says so, and the reply comes late.
 */
public final class ManagementServer {
    private static final int TIMEOUT_MS = 8_000;

    private final LeshanServer server;
    private final Map<String, Queue<JsonNode>> waiting = new ConcurrentHashMap<>();

    private ManagementServer(int awakeMs, List<ObjectModel> models) {
        var endpoints = new CaliforniumServerEndpointsProvider.Builder(new CoapServerProtocolProvider())
                .addEndpoint(new InetSocketAddress("127.0.0.1", 0), Protocol.COAP)
                .build();
        server = new LeshanServerBuilder()
                .setEndpointsProviders(endpoints)
                .setObjectModelProvider(new VersionedModelProvider(models))
                .setClientAwakeTimeProvider(new StaticClientAwakeTimeProvider(awakeMs))
                .build();
        Events.of(server);
        server.getPresenceService().addListener(new PresenceListener() {
            @Override
            public void onAwake(Registration registration) {
                Queue<JsonNode> kept = waiting.remove(registration.getEndpoint());
                if (kept != null) {
                    // Not on this thread, which has the answer to the client's message to send.
                    new Thread(() -> kept.forEach(command -> carryOut(command))).start();
                }
            }

            @Override
            public void onSleeping(Registration registration) {}
        });
        server.start();
        int port = server.getEndpoint(Protocol.COAP).getURI().getPort();
        Lines.say(Lines.event("listening").put("port", port));
    }

    private void carryOut(JsonNode command) {
        try {
            ObjectNode reply = handle(command);
            if (reply != null) {
                Lines.reply(command, reply);
            }
        } catch (Exception thrown) {
            Lines.reply(command, Lines.error(thrown));
        }
    }

    private ObjectNode handle(JsonNode command) throws Exception {
        String endpoint = command.get("endpoint").asText();
        Registration client = Operations.registered(
                server.getRegistrationService().getByEndpoint(endpoint), endpoint);
        Collection<Observation> observations =
                server.getObservationService().getObservations(client);
        if (command.get("do").asText().equals("passive")) {
            Observation observation = Operations.find(command, observations);
            server.getObservationService().cancelObservation(observation);
            return Lines.object();
        }
        DownlinkDeviceManagementRequest<? extends LwM2mResponse> request = Operations.request(
                command, server.getModelProvider().getObjectModel(client), observations);
        try {
            LwM2mResponse response = server.send(client, request, TIMEOUT_MS);
            return response == null
                    ? Lines.object().put("error", "no response")
                    : Operations.reply(response);
        } catch (ClientSleepingException asleep) {
            waiting.computeIfAbsent(endpoint, e -> new ConcurrentLinkedQueue<>()).add(command);
            Lines.say(Lines.event("queued").put("endpoint", endpoint));
            return null;
        }
    }

    private static ObjectModel model(String text) {
        String[] parts = text.split(":");
        int object = Integer.parseInt(parts[0]);
        List<ResourceModel> resources = new ArrayList<>();
        for (String resource : parts[2].split(",")) {
            String[] entry = resource.split("=");
            // A name in brackets is that of a multiple resource.
            boolean multiple = entry[1].startsWith("[");
            String type = entry[1].replaceAll("[\\[\\]]", "");
            var operations = type.equals("NONE")
                    ? ResourceModel.Operations.E : ResourceModel.Operations.RW;
            resources.add(new ResourceModel(Integer.valueOf(entry[0]), "", operations, multiple,
                    false, ResourceModel.Type.valueOf(type), null, null, null));
        }
        return new ObjectModel(object, "", "", parts[1], true, false, resources);
    }

    public static void main(String[] arguments) throws Exception {
        List<ObjectModel> models = new ArrayList<>(ObjectLoader.loadAllDefault());
        for (int i = 1; i < arguments.length; i++) {
            models.add(model(arguments[i]));
        }
        ManagementServer self = new ManagementServer(Integer.parseInt(arguments[0]), models);
        Lines.serve(self::handle);
        System.exit(0);
    }
}
