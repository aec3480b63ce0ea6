package nudge;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.eclipse.leshan.core.endpoint.Protocol;
import org.eclipse.leshan.core.link.lwm2m.LwM2mLink;
import org.eclipse.leshan.core.model.LwM2mModel;
import org.eclipse.leshan.core.model.ObjectLoader;
import org.eclipse.leshan.core.model.StaticModel;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.peer.LwM2mPeer;
import org.eclipse.leshan.core.request.BootstrapDeleteRequest;
import org.eclipse.leshan.core.request.BootstrapDiscoverRequest;
import org.eclipse.leshan.core.request.BootstrapDownlinkRequest;
import org.eclipse.leshan.core.request.BootstrapFinishRequest;
import org.eclipse.leshan.core.request.BootstrapReadRequest;
import org.eclipse.leshan.core.request.BootstrapRequest;
import org.eclipse.leshan.core.request.BootstrapWriteRequest;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.response.BootstrapDiscoverResponse;
import org.eclipse.leshan.core.response.BootstrapReadResponse;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.server.bootstrap.BootstrapFailureCause;
import org.eclipse.leshan.server.bootstrap.BootstrapSession;
import org.eclipse.leshan.server.bootstrap.BootstrapSessionListener;
import org.eclipse.leshan.server.bootstrap.BootstrapTaskProvider;
import org.eclipse.leshan.server.bootstrap.LeshanBootstrapServerBuilder;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.CaliforniumBootstrapServerEndpointsProvider;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.coap.CoapBootstrapServerProtocolProvider;
import org.eclipse.leshan.server.model.StandardBootstrapModelProvider;
import org.eclipse.leshan.server.security.Authorization;

/**
 * A Leshan bootstrap server on 127.0.0.1, told what to do by JSON lines.
 *
 * <p>{"do": "configure", "endpoint": …, "commands": […]} says what a client that asks is sent: a
 * command has "do" (discover, read, write, delete), a path, and for a write its value and perhaps a
 * format; Bootstrap-Finish comes after the last. Events: bootstrap_request, bootstrap_answer (do,
 * path, code, value or links), bootstrapped, bootstrap_failed.
 */
public final class BootstrapServer implements BootstrapTaskProvider, BootstrapSessionListener {
    private final LwM2mModel model = new StaticModel(ObjectLoader.loadDefault());
    private final Map<String, JsonNode> configurations = new ConcurrentHashMap<>();

    private BootstrapServer() {
        var endpoints = new CaliforniumBootstrapServerEndpointsProvider.Builder(
                        new CoapBootstrapServerProtocolProvider())
                .addEndpoint(new InetSocketAddress("127.0.0.1", 0), Protocol.COAP)
                .build();
        var server = new LeshanBootstrapServerBuilder()
                .setEndpointsProviders(endpoints)
                .setTaskProvider(this)
                .setObjectModelProvider(new StandardBootstrapModelProvider())
                .setAuthorizer((request, peer) -> Authorization.approved())
                .build();
        server.addListener(this);
        server.start();
        int port = server.getEndpoint(Protocol.COAP).getURI().getPort();
        Lines.say(Lines.event("listening").put("port", port));
    }

    private ObjectNode handle(JsonNode command) {
        configurations.put(command.get("endpoint").asText(), command.get("commands"));
        return Lines.object();
    }

    @Override
    public Tasks getTasks(BootstrapSession session, List<LwM2mResponse> previous) {
        JsonNode commands = configurations.get(session.getEndpoint());
        if (commands == null) {
            return null;
        }
        Tasks tasks = new Tasks();
        tasks.requestsToSend = new ArrayList<>();
        commands.forEach(command -> tasks.requestsToSend.add(request(command, session)));
        tasks.supportedObjects = Map.of(0, "1.1", 1, "1.1", 2, "1.0", 3, "1.1");
        tasks.last = true;
        return tasks;
    }

    private BootstrapDownlinkRequest<? extends LwM2mResponse> request(
            JsonNode command, BootstrapSession session) {
        String path = command.get("path").asText();
        ContentFormat format = command.path("format").isInt()
                ? ContentFormat.fromCode(command.get("format").asInt())
                : session.getContentFormat();
        return switch (command.get("do").asText()) {
            case "discover" -> new BootstrapDiscoverRequest(path);
            case "read" -> new BootstrapReadRequest(path);
            case "delete" -> new BootstrapDeleteRequest(path);
            case "write" -> {
                LwM2mPath at = new LwM2mPath(path);
                var node = Values.node(model, at, command.get("value"));
                yield new BootstrapWriteRequest(at, node, format);
            }
            default -> throw new IllegalArgumentException("no such command: " + command);
        };
    }

    private static ObjectNode about(String name, BootstrapSession session) {
        return Lines.event(name).put("endpoint", session.getEndpoint());
    }

    private static ObjectNode answer(
            BootstrapSession session, BootstrapDownlinkRequest<?> request, LwM2mResponse response) {
        boolean finish = request instanceof BootstrapFinishRequest;
        String name = request.getClass().getSimpleName().replaceAll("Bootstrap|Request", "");
        int code = response.getCode().getCode();
        ObjectNode out = about("bootstrap_answer", session)
                .put("do", name.toLowerCase())
                .put("path", finish ? "/bs" : request.getPath().toString())
                .put("code", "%d.%02d".formatted(code / 100, code % 100));
        if (response instanceof BootstrapReadResponse read && read.getContent() != null) {
            out.set("value", Values.json(read.getContent()));
        } else if (response instanceof BootstrapDiscoverResponse found && found.isSuccess()) {
            ArrayNode links = out.putArray("links");
            for (LwM2mLink link : found.getObjectLinks()) {
                links.add(link.toCoreLinkFormat());
            }
        }
        return out;
    }

    @Override
    public void sessionInitiated(BootstrapRequest request, LwM2mPeer peer) {
        Lines.say(Lines.event("bootstrap_request").put("endpoint", request.getEndpointName()));
    }

    @Override
    public void onResponseSuccess(
            BootstrapSession session,
            BootstrapDownlinkRequest<? extends LwM2mResponse> request,
            LwM2mResponse response) {
        Lines.say(answer(session, request, response));
    }

    @Override
    public void onResponseError(
            BootstrapSession session,
            BootstrapDownlinkRequest<? extends LwM2mResponse> request,
            LwM2mResponse response) {
        Lines.say(answer(session, request, response));
    }

    @Override
    public void onRequestFailure(
            BootstrapSession session,
            BootstrapDownlinkRequest<? extends LwM2mResponse> request,
            Throwable cause) {
        Lines.say(about("bootstrap_answer", session).setAll(Lines.error(cause)));
    }

    @Override
    public void end(BootstrapSession session) {
        Lines.say(about("bootstrapped", session));
    }

    @Override
    public void failed(BootstrapSession session, BootstrapFailureCause cause) {
        Lines.say(about("bootstrap_failed", session).put("reason", cause.toString()));
    }

    @Override
    public void unAuthorized(BootstrapRequest request, LwM2mPeer peer) {}

    @Override
    public void authorized(BootstrapSession session) {}

    @Override
    public void noConfig(BootstrapSession session) {}

    @Override
    public void sendRequest(
            BootstrapSession session, BootstrapDownlinkRequest<? extends LwM2mResponse> request) {}

    public static void main(String[] arguments) throws Exception {
        BootstrapServer self = new BootstrapServer();
        Lines.serve(self::handle);
        System.exit(0);
    }
}
