package nudge;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import org.eclipse.leshan.client.LeshanClient;
import org.eclipse.leshan.client.LeshanClientBuilder;
import org.eclipse.leshan.client.object.LwM2mTestObject;
import org.eclipse.leshan.client.object.Security;
import org.eclipse.leshan.client.object.Server;
import org.eclipse.leshan.client.resource.ObjectsInitializer;
import org.eclipse.leshan.client.resource.SimpleInstanceEnabler;
import org.eclipse.leshan.client.send.ManualDataSender;
import org.eclipse.leshan.client.servers.LwM2mServer;
import org.eclipse.leshan.core.model.ObjectLoader;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.core.model.ResourceModel;
import org.eclipse.leshan.core.model.ResourceModel.Type;
import org.eclipse.leshan.core.model.StaticModel;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.request.BindingMode;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.response.SendResponse;
import org.eclipse.leshan.transport.californium.client.endpoint.CaliforniumClientEndpointsProvider;
import org.eclipse.leshan.transport.californium.client.endpoint.coap.CoapClientProtocolProvider;

/**
 * A Leshan client on 127.0.0.1 with a Device and the test object 3442, which has every type.
 *
 * <pre>DeviceClient SERVER_PORT ENDPOINT [bootstrap]</pre>
 *
 * With "bootstrap" the port is that of a Bootstrap-Server, and nothing else is known to it.
 * Commands: {"do": "send", "paths": [PATH, …], "format": NUMBER} sends what is there,
 * {"do": "collect", "paths": […]} keeps it with its time for {"do": "flush", "format": NUMBER}.
 */
public final class DeviceClient {
    private static final int SHORT_SERVER_ID = 1;
    private static final int TIMEOUT_MS = 8_000;

    private final LeshanClient client;

    private DeviceClient(int port, String endpoint, boolean bootstraps) {
        List<ObjectModel> models = new ArrayList<>(ObjectLoader.loadAllDefault());
        models.add(testModel());
        var objects = new ObjectsInitializer(new StaticModel(models));
        String uri = "coap://127.0.0.1:" + port;
        if (bootstraps) {
            objects.setInstancesForObject(0, Security.noSecBootstrap(uri));
            objects.setClassForObject(1, Server.class);
        } else {
            objects.setInstancesForObject(0, Security.noSec(uri, SHORT_SERVER_ID));
            objects.setInstancesForObject(1, new Server(
                    SHORT_SERVER_ID, 300, EnumSet.of(BindingMode.U), false, BindingMode.U));
        }
        objects.setInstancesForObject(3, new SimpleInstanceEnabler(
                0, 0, "Leshan", 1, "test", 9, 80L, 14, "+00:00", 15, "UTC", 16, "U"));
        objects.setInstancesForObject(3442, new LwM2mTestObject());
        objects.setClassForObject(3442, LwM2mTestObject.class);
        var endpoints = new CaliforniumClientEndpointsProvider.Builder(
                        new CoapClientProtocolProvider())
                .setClientAddress(InetAddress.getLoopbackAddress())
                .build();
        client = new LeshanClientBuilder(endpoint)
                .setObjects(objects.createAll())
                .setDataSenders(new ManualDataSender())
                .setEndpointsProviders(endpoints)
                .build();
        client.start();
        Lines.say(Lines.event("listening").put("port", 0));
    }

    /** Of 3442, which Leshan brings the values of: each type once and several times. */
    private static ObjectModel testModel() {
        List<ResourceModel> resources = new ArrayList<>();
        for (int id = 0; id < 3; id++) {
            resources.add(resource(id, ResourceModel.Operations.E, false, Type.NONE));
        }
        Type[] types = {Type.STRING, Type.INTEGER, Type.FLOAT, Type.BOOLEAN, Type.OPAQUE,
            Type.TIME, Type.OBJLNK};
        for (int i = 0; i < types.length; i++) {
            int id = 110 + 10 * i;
            resources.add(resource(id, ResourceModel.Operations.RW, false, types[i]));
            resources.add(resource(1000 + id, ResourceModel.Operations.RW, true, types[i]));
        }
        resources.add(resource(125, ResourceModel.Operations.RW, false, Type.UNSIGNED_INTEGER));
        resources.add(resource(1125, ResourceModel.Operations.RW, true, Type.UNSIGNED_INTEGER));
        return new ObjectModel(3442, "Test", "", "1.0", true, false, resources);
    }

    private static ResourceModel resource(
            int id, ResourceModel.Operations operations, boolean multiple, Type type) {
        return new ResourceModel(id, "", operations, multiple, false, type, null, null, null);
    }

    /** Waits for the registration: the server may know of it before the client does. */
    private LwM2mServer registeredServer() throws InterruptedException {
        long end = System.currentTimeMillis() + TIMEOUT_MS;
        while (client.getRegisteredServers().isEmpty() && System.currentTimeMillis() < end) {
            Thread.sleep(10);
        }
        return client.getRegisteredServers().values().iterator().next();
    }

    private ObjectNode handle(JsonNode command) throws Exception {
        LwM2mServer server = registeredServer();
        List<String> paths = new ArrayList<>();
        command.path("paths").forEach(path -> paths.add(path.asText()));
        ContentFormat format = ContentFormat.fromCode(command.path("format").asInt());
        ManualDataSender sender = client.getSendService()
                .getDataSender(ManualDataSender.DEFAULT_NAME, ManualDataSender.class);
        switch (command.get("do").asText()) {
            case "send":
                SendResponse response =
                        client.getSendService().sendData(server, format, paths, TIMEOUT_MS);
                return Lines.object().put("code", String.valueOf(response.getCode()));
            case "collect":
                sender.collectData(paths.stream().map(LwM2mPath::new).toList());
                return Lines.object();
            default:
                sender.sendCollectedData(server, format, TIMEOUT_MS, false);
                return Lines.object();
        }
    }

    public static void main(String[] arguments) throws Exception {
        var self = new DeviceClient(
                Integer.parseInt(arguments[0]), arguments[1], arguments.length > 2);
        Lines.serve(self::handle);
        System.exit(0);
    }
}
